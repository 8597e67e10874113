using System.Buffers;
using System.Text.Json;
using Brook.Lanes;

namespace Brook;

/// <summary>A row of <c>$parked</c> as JSON, both ways. The event's bytes are base64: they may be no JSON at all.</summary>
internal static class ParkedRow
{
    public const string Collection = "$parked";

    public static void Write(IBufferWriter<byte> buffer, in BatchItem item, in EventEnvelope raw, ReadOnlySpan<byte> record, DateTimeOffset since)
    {
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("lane"u8, raw.Position.Lane);
        json.WriteNumber("offset"u8, raw.Position.Offset);
        if (raw.Position.MessageId != default) json.WriteString("message"u8, raw.Position.MessageId);
        json.WriteString("type"u8, Names.IsLonger(raw.Type, EventLimits.MaxTypeBytes) ? Names.Show(raw.Type) : raw.Type ?? "");     // the event itself has it whole
        json.WriteString("id"u8, item.Event?.Id ?? raw.Id);
        if (item.Key is { } key) json.WriteString("key"u8, key);
        json.WriteBoolean("behind"u8, item.Outcome == Outcome.Behind);
        json.WriteString("error"u8, Bounded(item.Error?.Message) ?? "An earlier event of its key was set aside; this one waits behind it, so that order holds.");
        if (item.Error is { } error) json.WriteString("error_type"u8, error.GetType().FullName);
        json.WriteNumber("attempts"u8, item.Attempts);
        json.WriteNumber("since"u8, since.ToUnixTimeMilliseconds());
        json.WriteBase64String("event"u8, record);
        json.WriteEndObject();
    }

    /// <summary>A handler's own text may be of any length.</summary>
    private static string? Bounded(string? error) => error is { Length: > Names.MaxReason } ? string.Concat(error.AsSpan(0, Names.MaxReason), "...") : error;

    public static ParkedEvent Read(string rowId, ReadOnlySpan<byte> value)
    {
        var reader = new Utf8JsonReader(value);
        var row = JsonElement.ParseValue(ref reader);
        return new()
        {
            RowId = rowId,
            Position = new(row.GetProperty("lane").GetString()!, row.GetProperty("offset").GetInt64(), row.TryGetProperty("message", out var message) ? message.GetGuid() : default),
            Type = row.GetProperty("type").GetString()!,
            Id = row.GetProperty("id").GetGuid(),
            Key = row.TryGetProperty("key", out var key) ? key.GetString() : null,
            StandsBehind = row.GetProperty("behind").GetBoolean(),
            Error = row.GetProperty("error").GetString()!,
            ErrorType = row.TryGetProperty("error_type", out var type) ? type.GetString() : null,
            Attempts = row.GetProperty("attempts").GetInt32(),
            Since = DateTimeOffset.FromUnixTimeMilliseconds(row.GetProperty("since").GetInt64()),
            Event = row.GetProperty("event").GetBytesFromBase64(),
        };
    }
}
