using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Brook.Elixir;

/// <summary>An event as Brook for Elixir writes it into topics and logs, both ways: either serializer's mark, or the form of Brook 0.4.</summary>
/// <param name="Type">As Elixir's <c>to_string</c> has it.</param>
/// <param name="Author">Who sent it; null: it does not say.</param>
/// <param name="At">When it was created, Unix milliseconds; null: it does not say.</param>
/// <param name="Data">The data as it stands there, JSON.</param>
internal readonly record struct ElixirEnvelope(string Type, string? Author, long? At, ReadOnlyMemory<byte> Data)
{
    /// <summary>Elixir's server ends on an event whose <c>forwarded</c> is null.</summary>
    public bool ForwardedIsNull { get; init; }

    /// <exception cref="JsonException">It is no such event.</exception>
    /// <exception cref="InvalidOperationException">It has text that is none.</exception>
    public static ElixirEnvelope Parse(ReadOnlyMemory<byte> all, int maxDepth)
    {
        string? type = null, author = null;
        var (hasAuthor, isOld, forwardedIsNull, names) = (false, false, false, 0);
        long? at = null;
        ReadOnlyMemory<byte> data = default;
        var json = new Utf8JsonReader(all.Span, new JsonReaderOptions { MaxDepth = maxDepth });
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new JsonException("it is no JSON object.");
        for (; json.Read() && json.TokenType == JsonTokenType.PropertyName; names++)       // of two fields of one name the first counts, as there
        {
            if (type is null && json.ValueTextEquals("type"u8)) type = Name(ref json, all);
            else if (!hasAuthor && json.ValueTextEquals("author"u8)) (author, hasAuthor) = (Name(ref json, all), true);
            else if (at is null && json.ValueTextEquals("create_ts"u8)) at = Time(ref json, all);
            else if (data.IsEmpty && json.ValueTextEquals("data"u8)) data = Raw(ref json, all);
            else
            {
                // 0.4 has its mark in front and the data as a string of JSON; 0.6 has it last.
                isOld |= json.ValueTextEquals("__struct__"u8) || names == 0 && json.ValueTextEquals("__brook_struct__"u8);
                var isForwarded = json.ValueTextEquals("forwarded"u8);
                json.Read();
                forwardedIsNull |= isForwarded && json.TokenType == JsonTokenType.Null;
                json.Skip();
            }
        }
        while (json.Read()) { }
        if (type is null || data.IsEmpty) throw new JsonException($"it has no \"{(type is null ? "type" : "data")}\".");
        return new(type, author, at, isOld && data.Span[0] == '"' ? OldData(data, maxDepth) : data) { ForwardedIsNull = forwardedIsNull };
    }

    /// <summary>Writes it in the order of the original, which takes no further field.</summary>
    public void Write(IBufferWriter<byte> json, bool jsonSerde)
    {
        json.Write("{\"author\":"u8);
        if (Author is null) json.Write("null"u8);
        else ElixirText.Quote(Author, json);
        json.Write(",\"create_ts\":"u8);
        Span<byte> digits = stackalloc byte[20];
        if (At is not { } at) json.Write("null"u8);
        else if (at.TryFormat(digits, out var written, default, CultureInfo.InvariantCulture)) json.Write(digits[..written]);
        json.Write(",\"data\":"u8);
        json.Write(Data.Span);
        json.Write(",\"forwarded\":false,\"type\":"u8);
        ElixirText.Quote(Type, json);
        json.Write(jsonSerde ? ",\"__data_type__\":\"Elixir.Brook.Event\"}"u8 : ",\"__brook_struct__\":\"Elixir.Brook.Event\"}"u8);
    }

    /// <summary>The JSON in the string; the string itself where there is none.</summary>
    private static ReadOnlyMemory<byte> OldData(ReadOnlyMemory<byte> data, int maxDepth)
    {
        var json = new Utf8JsonReader(data.Span);
        json.Read();
        var text = new byte[json.ValueSpan.Length];
        var inner = text.AsMemory(0, json.CopyString(text));
        try
        {
            var check = new Utf8JsonReader(inner.Span, new JsonReaderOptions { MaxDepth = maxDepth });
            while (check.Read()) { }
            return inner.IsEmpty ? data : inner;
        }
        catch (JsonException)
        {
            return data;
        }
    }

    private static ReadOnlyMemory<byte> Raw(ref Utf8JsonReader json, ReadOnlyMemory<byte> all)
    {
        json.Read();
        var start = (int)json.TokenStartIndex;
        json.Skip();
        return all[start..(int)json.BytesConsumed];
    }

    /// <summary>A string, an atom of JsonSerde, or any other term as text; null is null.</summary>
    private static string? Name(ref Utf8JsonReader json, ReadOnlyMemory<byte> all)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return null;
        return json.TokenType == JsonTokenType.StartObject && Tagged(Peek(json, all)) is { } atom ? Skipped(ref json, atom) : ElixirText.Rendered(ref json, all.Span);
    }

    /// <summary>Unix milliseconds, or a DateTime as either serializer writes it.</summary>
    private static long? Time(ref Utf8JsonReader json, ReadOnlyMemory<byte> all)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return null;
        if (json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var ms)) return ms;
        if (json.TokenType == JsonTokenType.StartObject && Tagged(Peek(json, all)) is { } text && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return Skipped(ref json, time.ToUnixTimeMilliseconds());
        throw new JsonException("its \"create_ts\" is no time.");
    }

    private static T Skipped<T>(ref Utf8JsonReader json, T value)
    {
        json.Skip();
        return value;
    }

    private static ReadOnlyMemory<byte> Peek(Utf8JsonReader json, ReadOnlyMemory<byte> all)       // a copy of the reader: the caller's stays
    {
        var start = (int)json.TokenStartIndex;
        json.Skip();
        return all[start..(int)json.BytesConsumed];
    }

    private static string? Tagged(ReadOnlyMemory<byte> json)
    {
        using var tagged = JsonDocument.Parse(json);
        return tagged.RootElement.TryGetProperty("value", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}
