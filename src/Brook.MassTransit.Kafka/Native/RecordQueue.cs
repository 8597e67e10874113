using System.Text;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// What the client has fetched, many records with one call: taken one by one, each would cost a call into the client, a handful of objects and an array for its bytes
/// (docs/decisions/2026-11-25-records-are-taken-many-at-a-time.md). Used by the polling thread alone.
/// </summary>
internal sealed unsafe class RecordQueue : IDisposable
{
    private const int Most = 500;
    private readonly Librdkafka.Message*[] _messages = new Librdkafka.Message*[Most];
    private readonly Chunk _chunk = new();
    private nint _queue;
    private int _count, _next;

    /// <exception cref="BrookException">Not the library that Confluent.Kafka uses would be asked.</exception>
    public RecordQueue(Handle client)
    {
        if (Librdkafka.Version() != Library.Version)
            throw new BrookException($"Two versions of the native Kafka client (librdkafka) would be used at once: Confluent.Kafka has loaded {Library.VersionString}, and by its name 0x{Librdkafka.Version():x8} is found. Leave it to the package, or load one and the same for both.");
        _queue = Librdkafka.ConsumerQueue((SafeHandle)HandleOf(client));
    }

    /// <summary>A record stands there that is not taken yet.</summary>
    public bool HasMore => _next < _count;

    /// <summary>Fetches again, without waiting; callbacks run now. False: nothing is there.</summary>
    public bool Fetch()
    {
        Clear();
        fixed (Librdkafka.Message** messages = _messages) _count = Math.Max(0, (int)Librdkafka.ConsumeBatch(_queue, 0, messages, Most));
        return _count > 0;
    }

    /// <summary>Where the next record is from, and its error: 0 for a record.</summary>
    public (nint Topic, int Partition, ErrorCode Error) Next => (_messages[_next]->Topic, _messages[_next]->Partition, (ErrorCode)_messages[_next]->Error);

    public TopicPartition NextPartition => new(Marshal.PtrToStringUTF8(Librdkafka.TopicName(_messages[_next]->Topic)), _messages[_next]->Partition);

    /// <summary>Takes the next record; if that fails it stands there still.</summary>
    public KafkaRecord Take()
    {
        var message = _messages[_next];
        ReadOnlyMemory<byte>? key = message->Key is null ? default(ReadOnlyMemory<byte>?) : _chunk.Copy(message->KeyBytes), value = message->Value is null ? default(ReadOnlyMemory<byte>?) : _chunk.Copy(message->ValueBytes);
        var time = Librdkafka.Timestamp(message, out var kind);
        var record = new KafkaRecord(key, value, HeadersOf(message), KafkaRecord.TimeOf(new Timestamp(time, (TimestampType)kind)), message->Offset);
        _next++;
        return record;
    }

    /// <summary>Takes what is no record: where it stands, and the client's words.</summary>
    public (long Offset, Error Error) TakeError()
    {
        var message = _messages[_next++];
        return (message->Offset, new Error((ErrorCode)message->Error, message->Value is null ? "" : Encoding.UTF8.GetString(message->ValueBytes)));
    }

    /// <summary>The next record is not wanted.</summary>
    public void Skip() => _next++;

    public void Dispose()
    {
        Clear();
        if (_queue != 0) Librdkafka.DestroyQueue(_queue);
        _queue = 0;
    }

    private void Clear()
    {
        for (var i = 0; i < _count; i++) Librdkafka.DestroyMessage(_messages[i]);
        (_count, _next) = (0, 0);
    }

    private static Headers? HeadersOf(Librdkafka.Message* message)
    {
        if (Librdkafka.Headers(message, out var found) != 0) return null;
        var headers = new Headers();
        for (nuint i = 0; Librdkafka.Header(found, i, out var name, out var value, out var length) == 0; i++)
            headers.Add(Marshal.PtrToStringUTF8(name)!, value is null ? null : new ReadOnlySpan<byte>(value, checked((int)length)).ToArray());
        return headers;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_LibrdkafkaHandle")]
    [return: UnsafeAccessorType("Confluent.Kafka.Impl.SafeKafkaHandle, Confluent.Kafka")]
    private static extern object HandleOf(Handle client);

    /// <summary>Records' bytes side by side: never used again, for who has an event may keep it.</summary>
    private sealed class Chunk
    {
        private const int Size = 64 * 1024, OnItsOwn = Size / 8;    // below what the runtime counts as large
        private byte[] _bytes = [];
        private int _used;

        public ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length > OnItsOwn) return bytes.ToArray();
            if (bytes.Length > _bytes.Length - _used) (_bytes, _used) = (GC.AllocateUninitializedArray<byte>(Size), 0);
            bytes.CopyTo(_bytes.AsSpan(_used));
            _used += bytes.Length;
            return _bytes.AsMemory(_used - bytes.Length, bytes.Length);
        }
    }
}
