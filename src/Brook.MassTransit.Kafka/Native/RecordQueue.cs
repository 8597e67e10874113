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

    private RecordQueue(nint queue) => _queue = queue;

    /// <summary>Null, and why: records are to be taken one by one.</summary>
    public static RecordQueue? Open(Handle client, out string? whyNot)
    {
        try
        {
            whyNot = !NativeClient.IsKnown ? "the application has chosen the native client (librdkafka) itself, or the system's own was found"
                : Librdkafka.Version() != Library.Version ? $"two versions of the native client are there: Confluent.Kafka has loaded {Library.VersionString}, and 0x{Librdkafka.Version():x8} is found by its name"
                : Library.Version < Librdkafka.FirstSound ? $"the native client is version {Library.VersionString}, and before 2.13.2 taking many misses records"
                : null;
            if (whyNot is not null) return null;
            if (Librdkafka.ConsumerQueue((SafeHandle)HandleOf(client)) is not 0 and var queue) return new(queue);
            whyNot = "the native client has no queue of the consumer";
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or MissingMethodException or TypeLoadException)
        {
            whyNot = $"the native client, or Confluent.Kafka's handle of it, is not found: {e.Message}";
        }
        return null;
    }

    /// <summary>A record stands there that is not taken yet.</summary>
    public bool HasMore => _next < _count;

    /// <summary>Fetches again, without waiting; callbacks run now. False: nothing is there.</summary>
    public bool Fetch()
    {
        Clear();
        if (_queue == 0) return false;
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
        Skip();
        return record;
    }

    /// <summary>Takes what is no record: where it stands, and the client's words.</summary>
    public (long Offset, Error Error) TakeError()
    {
        var message = _messages[_next];
        var error = (message->Offset, new Error((ErrorCode)message->Error, message->Value is null ? "" : Encoding.UTF8.GetString(message->ValueBytes)));
        Skip();
        return error;
    }

    /// <summary>The next record is not wanted.</summary>
    public void Skip() => Librdkafka.DestroyMessage(_messages[_next++]);

    public void Dispose()
    {
        Clear();
        if (_queue != 0) Librdkafka.DestroyQueue(_queue);
        _queue = 0;
    }

    private void Clear()
    {
        while (HasMore) Skip();
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
        private const int Size = 16 * 1024, OnItsOwn = Size / 8;    // one record that waits holds no more than that
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
