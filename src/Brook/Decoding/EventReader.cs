using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Brook.Lanes;

namespace Brook;

/// <summary>
/// JSON of an event -> envelope. Two ways with the same answer: bytes exactly as <see cref="EventWriter"/> writes them are cut with vectorised searches
/// (a fifth of the cost); anything else goes through a JSON reader.
/// </summary>
internal static class EventReader
{
    /// <summary>Of a whole event. How deep its data may be is the serializer's to say (64 by default, 1,000 at most); this is that and some for what stands around the data. The reader does not recurse.</summary>
    public const int MaxDepth = SystemTextJsonSerializer.MaxDepth + 8;

    public static bool TryReadOwn(ReadOnlyMemory<byte> record, EventPosition position, DateTimeOffset sentAt, out EventEnvelope envelope)
    {
        envelope = default;
        var all = record.Span;
        var rest = all;
        bool callers;
        if (Take(ref rest, "{\"auto_id\":\""u8)) callers = false;
        else if (Take(ref rest, "{\"id\":\""u8)) callers = true;
        else return false;
        if (!Utf8Parser.TryParse(rest, out Guid id, out var used) || used != 36) return false;
        rest = rest[36..];
        if (!TakeText(ref rest, "\",\"type\":\""u8, out var type) || type.Trim((byte)' ').IsEmpty || !TakeText(ref rest, "\",\"author\":\""u8, out var author)) return false;
        if (!Take(ref rest, "\",\"create_ts\":"u8) || !Utf8Parser.TryParse(rest, out long milliseconds, out used) || milliseconds is < 0 or > 253_402_300_799_999) return false;
        if (rest[0] is < (byte)'1' or > (byte)'9' && used > 1) return false;    // +5 and 05 are numbers to the parser, not to JSON
        rest = rest[used..];
        string? key = null;
        if (rest.StartsWith(",\"key\":\""u8))
        {
            if (!TakeText(ref rest, ",\"key\":\""u8, out var text) || text.IsEmpty || !Take(ref rest, "\""u8)) return false;
            key = Encoding.ASCII.GetString(text);
        }
        Dictionary<string, string>? headers = null;
        if (Take(ref rest, ",\"headers\":{"u8) && !TryReadHeaders(ref rest, out headers)) return false;
        if (!Take(ref rest, ",\"data\":"u8) || rest.Length < 2 || rest[^1] != (byte)'}') return false;
        var head = all.Length - rest.Length;
        if (!Ascii.IsValid(all[..head])) return false;
        envelope = new()
        {
            Id = id, HasCallersId = callers && id != default, Type = Seen.Text(type), Author = Seen.Text(author), CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds),
            Key = key, Headers = headers, Data = record[head..^1], Record = record, Position = position, SentAt = sentAt,
        };
        return true;
    }

    public static EventEnvelope ReadAny(ReadOnlyMemory<byte> record, EventPosition position, DateTimeOffset sentAt)
    {
        string? type = null, author = null, key = null, error = null;
        Guid id = default;
        var callers = false;
        DateTimeOffset created = default;
        Dictionary<string, string>? headers = null;
        ReadOnlyMemory<byte> data = default;
        try
        {
            var json = new Utf8JsonReader(record.Span, new JsonReaderOptions { MaxDepth = MaxDepth });
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new JsonException("it is not a JSON object");
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals("data"u8)) data = Value(ref json, record);
                else if (json.ValueTextEquals("type"u8)) type = Text(ref json, "type");
                else if (json.ValueTextEquals("key"u8)) key = Text(ref json, "key");
                else if (json.ValueTextEquals("id"u8)) (id, callers) = (Id(ref json, "id"), true);
                else if (json.ValueTextEquals("auto_id"u8)) (id, callers) = (Id(ref json, "auto_id"), false);
                else if (json.ValueTextEquals("author"u8)) author = Text(ref json, "author");
                else if (json.ValueTextEquals("create_ts"u8)) created = Time(ref json);
                else if (json.ValueTextEquals("headers"u8)) headers = Headers(ref json);
                else { json.Read(); json.Skip(); }
            }
            while (json.Read()) { }                             // anything behind the object is an error
            if (string.IsNullOrWhiteSpace(type)) throw new JsonException("it has no \"type\"");
            if (data.IsEmpty) throw new JsonException("it has no \"data\"");
            if (key is not null) Names.CheckKey(key);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            if (e is ArgumentException) key = null;             // not a key that order could be kept by
            error = $"The event cannot be read: {e.Message.TrimEnd('.')}. It is kept as it came.";
        }
        return new()
        {
            Id = id, HasCallersId = callers && id != default, Type = type ?? "", Author = author, Key = key, CreatedAt = created, Headers = headers, Data = data,
            Record = record, Position = position, SentAt = sentAt, Error = error,
        };
    }

    /// <summary>Names and values without escapes; the names repeat.</summary>
    private static bool TryReadHeaders(scoped ref ReadOnlySpan<byte> rest, out Dictionary<string, string>? headers)
    {
        headers = [];
        while (TakeText(ref rest, headers.Count == 0 ? "\""u8 : ",\""u8, out var name))
        {
            if (!TakeText(ref rest, "\":\""u8, out var value) || !Take(ref rest, "\""u8)) return false;
            headers[Seen.Text(name)] = Encoding.ASCII.GetString(value);
        }
        return Take(ref rest, "}"u8);
    }

    private static bool Take(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> expected)
    {
        if (!rest.StartsWith(expected)) return false;
        rest = rest[expected.Length..];
        return true;
    }

    /// <summary>Takes <paramref name="before"/> and the text up to the closing quote, which stays. Escaped text is for the JSON reader.</summary>
    private static bool TakeText(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> before, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!Take(ref rest, before)) return false;
        var end = rest.IndexOfAny((byte)'"', (byte)'\\');
        if (end is < 0 or > Names.MaxKeyBytes || rest[end] != '"' || rest[..end].ContainsAnyInRange((byte)0, (byte)31)) return false;
        text = rest[..end];
        rest = rest[end..];
        return true;
    }

    private static ReadOnlyMemory<byte> Value(ref Utf8JsonReader json, ReadOnlyMemory<byte> record)
    {
        json.Read();
        var start = (int)json.TokenStartIndex;
        json.Skip();
        return record[start..(int)json.BytesConsumed];
    }

    private static string? Text(ref Utf8JsonReader json, string field)
    {
        json.Read();
        return json.TokenType is JsonTokenType.String or JsonTokenType.Null ? json.GetString() : throw new JsonException($"\"{field}\" is a {json.TokenType}, not a string");
    }

    private static Guid Id(ref Utf8JsonReader json, string field)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return default;
        return json.TokenType == JsonTokenType.String && json.TryGetGuid(out var id) ? id : throw new JsonException($"\"{field}\" is not a UUID of the form 8-4-4-4-12");
    }

    private static DateTimeOffset Time(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return default;
        return json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var ms) && ms is >= -62_135_596_800_000 and <= 253_402_300_799_999
            ? DateTimeOffset.FromUnixTimeMilliseconds(ms)
            : throw new JsonException("\"create_ts\" is not a time in Unix milliseconds");
    }

    private static Dictionary<string, string>? Headers(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return null;
        if (json.TokenType != JsonTokenType.StartObject) throw new JsonException("\"headers\" is not an object");
        var headers = new Dictionary<string, string>();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = json.GetString()!;
            headers[name] = Text(ref json, $"headers.{Names.Show(name)}") ?? "";
        }
        return headers;
    }

    /// <summary>Types and authors repeat: each is made a string once.</summary>
    private static class Seen
    {
        [ThreadStatic] private static (byte[] Utf8, string Text)[]? s_seen;

        public static string Text(ReadOnlySpan<byte> utf8)
        {
            if (utf8.IsEmpty) return "";
            var seen = s_seen ??= new (byte[], string)[64];
            ref var slot = ref seen[(utf8.Length * 31 + utf8[^1] * 7 + utf8[utf8.Length / 2]) & 63];
            if (slot.Utf8 is null || !utf8.SequenceEqual(slot.Utf8)) slot = (utf8.ToArray(), Encoding.ASCII.GetString(utf8));
            return slot.Text;
        }
    }
}
