using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Brook.Elixir;
using Brook.Lanes;
using Brook.Storage;

namespace Brook.Redis;

/// <summary>
/// An element of a log in Elixir's layout, both ways. Elixir takes no field that its struct does not have, so id, key and headers of an event do not come back.
/// </summary>
/// <param name="Type">As Elixir's <c>to_string</c> has it.</param>
/// <param name="At">When it was created, Unix milliseconds; null: it does not say.</param>
/// <param name="Record">The event's JSON as Brook for .NET logs it.</param>
internal readonly record struct ElixirEvent(string Type, long? At, ReadOnlyMemory<byte> Record)
{
    /// <summary>What an element may have when it is inflated.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    // The author of what is no event, only logged: its data is the record.
    private const string RecordAuthor = "$record";

    /// <summary>A record as an element. What is no event of this type becomes the data of one, created at <paramref name="stamp"/>.</summary>
    public static byte[] Write(in CommitAppend append, ElixirSerializer serializer, long stamp)
    {
        var e = EventEnvelope.Read(append.Record, default, default);
        var isEvent = e.Error is null && e.Type == append.Type && e.CreatedAt != default && !e.Data.IsEmpty;
        var json = new ArrayBufferWriter<byte>(append.Record.Length + 160);
        var envelope = isEvent ? new ElixirEnvelope(append.Type, e.Author, e.CreatedAt.ToUnixTimeMilliseconds(), e.Data) : new(append.Type, RecordAuthor, stamp, append.Record);
        envelope.Write(json, jsonSerde: serializer == ElixirSerializer.JsonSerde);
        using var element = new MemoryStream(json.WrittenCount);
        using (var gzip = new GZipStream(element, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(json.WrittenSpan);
        return element.ToArray();
    }

    /// <exception cref="BrookException">It is not what Brook writes, or too large.</exception>
    public static ElixirEvent Read(byte[] element, EntryKey key)
    {
        try { return Parse(Inflated(element)); }
        catch (Exception e) when (e is JsonException or InvalidOperationException or InvalidDataException or FormatException)
        {
            throw new BrookException($"An element in a log of {key} is no event that Brook for Elixir writes: {e.Message} Remove it from its list, or read the log by another type.", e);
        }
    }

    private static byte[] Inflated(byte[] element)
    {
        using var from = new GZipStream(new MemoryStream(element, writable: false), CompressionMode.Decompress);
        using var to = new MemoryStream(Math.Min(4 * element.Length, MaxBytes));
        var part = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            for (int read; (read = from.Read(part)) > 0; to.Write(part, 0, read))
                if (to.Length + read > MaxBytes) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"inflated it has more than {MaxBytes / 1024 / 1024} MB."));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(part);
        }
        return to.ToArray();
    }

    private static ElixirEvent Parse(byte[] all)
    {
        var e = ElixirEnvelope.Parse(all, maxDepth: 1000);
        return new(e.Type, e.At, e.Author == RecordAuthor ? e.Data : RecordOf(in e));
    }

    private static ReadOnlyMemory<byte> RecordOf(in ElixirEnvelope e)
    {
        var record = new ArrayBufferWriter<byte>(e.Data.Length + 128);
        record.Write("{\"type\":"u8);
        ElixirText.Quote(e.Type, record);
        if (e.Author is not null)
        {
            record.Write(",\"author\":"u8);
            ElixirText.Quote(e.Author, record);
        }
        if (e.At is not null) record.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $",\"create_ts\":{e.At}")));
        record.Write(",\"data\":"u8);
        record.Write(e.Data.Span);
        record.Write("}"u8);
        return record.WrittenMemory;
    }
}
