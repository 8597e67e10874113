using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>A row of <c>$parked</c> as JSON, both ways. The event's bytes are base64: they may be no JSON at all.</summary>
internal static class ParkedRow
{
    public const string Collection = "$parked";
    private const string IsBehind = "An earlier event of its key was set aside; this one waits behind it, so that order holds.";
    private static readonly string[] s_rules = ["automatic", "by hand", "in doubt", "unreadable"];

    /// <summary>Rows sort as their numbers do.</summary>
    public static string IdOf(string lane, long number) => string.Create(CultureInfo.InvariantCulture, $"{lane}/{number:D12}");

    public static string LaneOf(string rowId) => rowId[..Math.Max(0, rowId.LastIndexOf('/'))];

    public static EntryKey EntryOf(string rowId) => new(Collection, rowId);

    /// <summary>The row of an event that fails now, or stands behind one.</summary>
    public static ParkedEvent Of(string rowId, in BatchItem item, in EventEnvelope raw, ReadOnlyMemory<byte> record, DateTimeOffset since) => new()
    {
        RowId = rowId, Position = raw.Position, Type = Names.IsLonger(raw.Type, EventLimits.MaxTypeBytes) ? Names.Show(raw.Type) : raw.Type ?? "", Id = item.Event?.Id ?? raw.Id, Key = item.Key, StandsBehind = item.Outcome == Outcome.Behind,
        Error = Bounded(item.Error?.Message) ?? IsBehind, ErrorType = item.Error?.GetType().FullName, Attempts = item.Attempts, Since = since, SentAt = raw.SentAt, Rule = item.Rule, Event = record,
    };

    /// <summary>A handler's own text may be of any length.</summary>
    public static string? Bounded(string? error) => error is { Length: > Names.MaxReason } ? string.Concat(error.AsSpan(0, Names.MaxReason), "...") : error;

    public static void Write(IBufferWriter<byte> buffer, ParkedEvent row)
    {
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("lane"u8, row.Position.Lane);
        json.WriteNumber("offset"u8, row.Position.Offset);
        if (row.Position.MessageId != default) json.WriteString("message"u8, row.Position.MessageId);
        json.WriteString("type"u8, row.Type);
        json.WriteString("id"u8, row.Id);
        if (row.Key is { } key) json.WriteString("key"u8, key);
        json.WriteBoolean("behind"u8, row.StandsBehind);
        json.WriteString("error"u8, row.Error);
        if (row.ErrorType is { } error) json.WriteString("error_type"u8, error);
        json.WriteNumber("attempts"u8, row.Attempts);
        json.WriteNumber("since"u8, row.Since.ToUnixTimeMilliseconds());
        if (row.SentAt != default) json.WriteNumber("sent"u8, row.SentAt.ToUnixTimeMilliseconds());
        if (row.Retries > 0) json.WriteNumber("retries"u8, row.Retries);
        if (row.LastRetry is { } last) json.WriteNumber("last_retry"u8, last.ToUnixTimeMilliseconds());
        if (row.IsReleased) json.WriteBoolean("released"u8, true);
        if (row.Rule != RetryRule.Automatic) json.WriteString("retry"u8, s_rules[(int)row.Rule]);
        json.WriteBase64String("event"u8, row.Event.Span);
        json.WriteEndObject();
    }

    public static ParkedEvent Read(string rowId, in StoredEntry entry)
    {
        var reader = new Utf8JsonReader(entry.Value.Span);
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
            SentAt = row.TryGetProperty("sent", out var sent) ? DateTimeOffset.FromUnixTimeMilliseconds(sent.GetInt64()) : default,
            Retries = row.TryGetProperty("retries", out var retries) ? retries.GetInt32() : 0,
            LastRetry = row.TryGetProperty("last_retry", out var last) ? DateTimeOffset.FromUnixTimeMilliseconds(last.GetInt64()) : null,
            IsReleased = row.TryGetProperty("released", out _),
            Rule = row.TryGetProperty("retry", out var rule) ? (RetryRule)Math.Max(0, Array.IndexOf(s_rules, rule.GetString())) : RetryRule.Automatic,
            Event = row.GetProperty("event").GetBytesFromBase64(),
            Version = entry.Version,
        };
    }
}
