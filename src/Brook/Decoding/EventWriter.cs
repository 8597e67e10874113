using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Brook.Lanes;

namespace Brook;

/// <summary>What a sender adds to an event.</summary>
internal readonly record struct EventStamp(Guid Id, bool HasCallersId, string Author, DateTimeOffset CreatedAt, IReadOnlyDictionary<string, string> Headers)
{
    public string? Key { get; init; }
}

/// <summary>An event as one line of JSON: what travels, what is logged and what is set aside. The data comes last.</summary>
internal static class EventWriter
{
    [ThreadStatic] private static Utf8JsonWriter? s_writer;
    [ThreadStatic] private static ArrayBufferWriter<byte>? s_data;

    /// <summary>Writes the event, which has an id, an author and a time. Throws what the serializer throws, nothing written then counts.</summary>
    public static void Write(BrookEvent e, IBrookSerializer serializer, IBufferWriter<byte> line)
        => Write(e, new EventStamp(e.Id, e.HasCallersId, e.Author, e.CreatedAt, e.Headers) { Key = e.Key }, serializer, line);

    /// <summary>Writes the event with what a sender adds.</summary>
    public static void Write(BrookEvent e, in EventStamp stamp, IBrookSerializer serializer, IBufferWriter<byte> line)
    {
        var data = s_data ?? new ArrayBufferWriter<byte>(1024);
        s_data = null;                                          // the serializer may send an event itself
        data.ResetWrittenCount();
        e.WriteData(serializer, data);
        var writer = s_writer ??= new Utf8JsonWriter(line, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
        writer.Reset(line);
        writer.WriteStartObject();
        writer.WriteString(stamp.HasCallersId ? "id"u8 : "auto_id"u8, stamp.Id);
        writer.WriteString("type"u8, e.Type);
        writer.WriteString("author"u8, stamp.Author);
        writer.WriteNumber("create_ts"u8, stamp.CreatedAt.ToUnixTimeMilliseconds());
        if (stamp.Key is not null) writer.WriteString("key"u8, stamp.Key);
        if (stamp.Headers.Count > 0) WriteHeaders(writer, stamp.Headers);
        writer.WritePropertyName("data"u8);
        writer.WriteRawValue(OneLine(data), skipInputValidation: true);
        writer.WriteEndObject();
        writer.Flush();
        writer.Reset(Stream.Null);
        if (data.Capacity <= 64 * 1024) s_data = data;
    }

    /// <summary>The event's JSON: as it came, or made now.</summary>
    public static ReadOnlyMemory<byte> RecordOf(BrookEvent e, IBrookSerializer serializer)
    {
        if (!e.Record.IsEmpty) return e.Record;
        var record = new ArrayBufferWriter<byte>();
        Write(e, serializer, record);
        return record.WrittenMemory;
    }

    /// <summary>The envelope with the event's JSON: as it came, or made now.</summary>
    public static EventEnvelope WithRecord(in EventEnvelope raw, BrookEvent e, IBrookSerializer serializer)
        => raw.Record.IsEmpty ? EventEnvelope.Read(RecordOf(e, serializer), raw.Position, raw.SentAt) : raw;

    private static void WriteHeaders(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> headers)
    {
        writer.WriteStartObject("headers"u8);
        foreach (var (name, value) in headers) writer.WriteString(name, value);
        writer.WriteEndObject();
    }

    /// <summary>A line break in JSON can only stand between tokens, where a blank does as well.</summary>
    private static ReadOnlySpan<byte> OneLine(ArrayBufferWriter<byte> json)
    {
        var written = json.WrittenSpan;
        if (written.IsEmpty) return "null"u8;
        if (written.IndexOfAny((byte)'\n', (byte)'\r') < 0) return written;
        var line = written.ToArray();
        line.AsSpan().Replace((byte)'\n', (byte)' ');
        line.AsSpan().Replace((byte)'\r', (byte)' ');
        return line;
    }
}
