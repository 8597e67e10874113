using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Brook.Lanes;

namespace Brook.MassTransit.Kafka;

/// <summary>Brook's own line of an event that came in another form, so that logs, forwarding and what is set aside keep what stood beside its data.</summary>
internal static class OwnLine
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The event with its line as its record, and its data in there.</summary>
    public static EventEnvelope In(in EventEnvelope e)
    {
        var line = new ArrayBufferWriter<byte>(e.Data.Length + 192);
        using (var json = new Utf8JsonWriter(line, s_options))
        {
            json.WriteStartObject();
            if (e.Id != default) json.WriteString(e.HasCallersId ? "id"u8 : "auto_id"u8, e.Id);
            json.WriteString("type"u8, e.Type);
            if (e.Author is not null) json.WriteString("author"u8, e.Author);
            if (e.CreatedAt != default) json.WriteNumber("create_ts"u8, e.CreatedAt.ToUnixTimeMilliseconds());
            if (e.Key is not null) json.WriteString("key"u8, e.Key);
            if (e.Headers is { Count: > 0 } headers) Write(headers, json);
            json.WritePropertyName("data"u8);
            json.WriteRawValue(Unbroken(e.Data).Span, skipInputValidation: true);
            json.WriteEndObject();
        }
        var record = line.WrittenMemory;
        return e with { Record = record, Data = record[^(e.Data.Length + 1)..^1] };
    }

    /// <summary>The same JSON without line breaks: they can only stand between tokens, where a blank does as well.</summary>
    public static ReadOnlyMemory<byte> Unbroken(ReadOnlyMemory<byte> json)
    {
        if (!HasBreaks(json.Span)) return json;
        var line = json.ToArray();
        line.AsSpan().Replace((byte)'\n', (byte)' ');
        line.AsSpan().Replace((byte)'\r', (byte)' ');
        return line;
    }

    public static bool HasBreaks(ReadOnlySpan<byte> json) => json.IndexOfAny((byte)'\n', (byte)'\r') >= 0;

    private static void Write(IReadOnlyDictionary<string, string> headers, Utf8JsonWriter json)
    {
        json.WriteStartObject("headers"u8);
        foreach (var (name, value) in headers) json.WriteString(name, value);
        json.WriteEndObject();
    }
}
