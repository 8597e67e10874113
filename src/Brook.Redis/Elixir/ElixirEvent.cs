using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
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
        json.Write("{\"author\":"u8);
        if (isEvent && e.Author is null) json.Write("null"u8);
        else ElixirState.Quote(Encoding.UTF8.GetBytes(isEvent ? e.Author! : RecordAuthor), json);
        json.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $",\"create_ts\":{(isEvent ? e.CreatedAt.ToUnixTimeMilliseconds() : stamp)},\"data\":")));
        json.Write((isEvent ? e.Data : append.Record).Span);
        json.Write(",\"forwarded\":false,\"type\":"u8);
        ElixirState.Quote(Encoding.UTF8.GetBytes(append.Type), json);
        json.Write(serializer == ElixirSerializer.JsonSerde ? ",\"__data_type__\":\"Elixir.Brook.Event\"}"u8 : ",\"__brook_struct__\":\"Elixir.Brook.Event\"}"u8);
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
        string? type = null, author = null;
        var (hasAuthor, isOld, names) = (false, false, 0);
        long? at = null;
        ReadOnlyMemory<byte> data = default;
        var json = new Utf8JsonReader(all, new JsonReaderOptions { MaxDepth = 1000 });
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
                json.Read();
                json.Skip();
            }
        }
        while (json.Read()) { }
        if (type is null || data.IsEmpty) throw new JsonException($"it has no \"{(type is null ? "type" : "data")}\".");
        if (author == RecordAuthor) return new(type, at, data);
        if (isOld && data.Span[0] == '"') data = OldData(data);
        return new(type, at, RecordOf(type, author, at, data));
    }

    private static ReadOnlyMemory<byte> RecordOf(string type, string? author, long? at, ReadOnlyMemory<byte> data)
    {
        var record = new ArrayBufferWriter<byte>(data.Length + 128);
        record.Write("{\"type\":"u8);
        ElixirState.Quote(Encoding.UTF8.GetBytes(type), record);
        if (author is not null)
        {
            record.Write(",\"author\":"u8);
            ElixirState.Quote(Encoding.UTF8.GetBytes(author), record);
        }
        if (at is not null) record.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $",\"create_ts\":{at}")));
        record.Write(",\"data\":"u8);
        record.Write(data.Span);
        record.Write("}"u8);
        return record.WrittenMemory;
    }

    /// <summary>The JSON in the string; the string itself where there is none.</summary>
    private static ReadOnlyMemory<byte> OldData(ReadOnlyMemory<byte> data)
    {
        var json = new Utf8JsonReader(data.Span);
        json.Read();
        var text = new byte[json.ValueSpan.Length];
        var inner = text.AsMemory(0, json.CopyString(text));
        try
        {
            var check = new Utf8JsonReader(inner.Span, new JsonReaderOptions { MaxDepth = 1000 });
            while (check.Read()) { }
            return inner.IsEmpty ? data : inner;
        }
        catch (JsonException)
        {
            return data;
        }
    }

    private static ReadOnlyMemory<byte> Raw(ref Utf8JsonReader json, byte[] all)
    {
        json.Read();
        var start = (int)json.TokenStartIndex;
        json.Skip();
        return all.AsMemory(start..(int)json.BytesConsumed);
    }

    /// <summary>A string, an atom of JsonSerde, or any other term as text; null is null.</summary>
    private static string? Name(ref Utf8JsonReader json, byte[] all)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return null;
        return json.TokenType == JsonTokenType.StartObject && Tagged(Peek(json, all)) is { } atom ? Skipped(ref json, atom) : ElixirState.Rendered(ref json, all);
    }

    /// <summary>Unix milliseconds, or a DateTime as either serializer writes it.</summary>
    private static long? Time(ref Utf8JsonReader json, byte[] all)
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

    private static ReadOnlyMemory<byte> Peek(Utf8JsonReader json, byte[] all)       // a copy of the reader: the caller's stays
    {
        var start = (int)json.TokenStartIndex;
        json.Skip();
        return all.AsMemory(start..(int)json.BytesConsumed);
    }

    private static string? Tagged(ReadOnlyMemory<byte> json)
    {
        using var tagged = JsonDocument.Parse(json);
        return tagged.RootElement.TryGetProperty("value", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}
