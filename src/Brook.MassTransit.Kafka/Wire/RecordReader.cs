using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Brook.Elixir;
using Brook.Lanes;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// Record -> event, by its content: Brook's own line, an event of Brook for Elixir, a message of MassTransit, any JSON of a topic that holds one event type, or Brook's own JSON in
/// another order. Never throws: what cannot be read is an event with an error and the bytes as they came.
/// </summary>
internal static class RecordReader
{
    /// <summary>Reads a record. False: it has no value and means nothing to this topic.</summary>
    public static bool TryRead(in KafkaRecord record, RecordFormat format, EventPosition position, out EventEnvelope envelope)
    {
        if (record.Value is not { } value) return TryReadTombstone(in record, format, position, out envelope);
        if (EventLimits.OverBytes(value.Length, format.MaxBytes) is { } over)
        {
            envelope = Refused(in record, format, position, over);
            return true;
        }
        var isOwn = EventReader.TryReadOwn(value, position, record.Timestamp, out envelope);
        if (isOwn && !OwnLine.HasBreaks(value.Span))
        {
            if (envelope.Key is null && record.Key is not null && KeyOf(in record, format) is { } key) envelope = OwnLine.In(envelope with { Key = key });
            return true;
        }
        try { envelope = ReadOther(in record, value, isOwn, format, position); }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or FormatException)
        {
            envelope = Refused(in record, format, position, e.Message);
        }
        return true;
    }

    private static bool TryReadTombstone(in KafkaRecord record, RecordFormat format, EventPosition position, out EventEnvelope envelope)
    {
        envelope = default;
        if (format.TombstoneType is not { } type) return false;
        envelope = OwnLine.In(new() { Type = type, CreatedAt = record.Timestamp, Key = KeyOf(in record, format), Data = "null"u8.ToArray(), Position = position, SentAt = record.Timestamp });
        return true;
    }

    private static EventEnvelope ReadOther(in KafkaRecord record, ReadOnlyMemory<byte> value, bool isOwn, RecordFormat format, EventPosition position)
    {
        if (value.IsEmpty) throw new JsonException("its value is empty");
        var shape = RecordShape.Of(value);
        if (isOwn) return ReadBrook(in record, value, format, position);
        if (shape.IsElixir) return ReadElixir(in record, value, position);
        if (TypeOf(in record, in shape, format) is { } type) return ReadMessage(in record, value, in shape, type, format, position);
        if (shape.IsBrook) return ReadBrook(in record, value, format, position);
        if (shape.Kind == JsonValueKind.String && value.Span.IndexOf("\\\""u8) >= 0) return ReadOther(in record, Unquoted(value), isOwn: false, format, position);     // Elixir's Brook reads an event in a string as well
        throw new JsonException(Unmapped(in record, in shape) is { } urn
            ? $"it is a message of MassTransit, '{urn}', and no event type is known for that"
            : $"it is {RecordShape.Describe(shape.Kind)}, and the topic has no event type of its own");
    }

    private static EventEnvelope ReadElixir(in KafkaRecord record, ReadOnlyMemory<byte> value, EventPosition position)
    {
        var e = ElixirEnvelope.Parse(value, EventReader.MaxDepth);
        if (string.IsNullOrWhiteSpace(e.Type)) throw new JsonException("it has no \"type\"");
        if (e.ForwardedIsNull) throw new JsonException("its \"forwarded\" is null, which Elixir's Brook cannot read");
        var callers = record.Headers.Text(RecordHeaders.Id);
        return OwnLine.In(new()
        {
            Id = IdOf(callers ?? record.Headers.Text(RecordHeaders.AutoId)), HasCallersId = callers is not null, Type = e.Type, Author = e.Author,
            CreatedAt = e.At is { } at ? TimeOf(at) : record.Timestamp, Key = Elixirs(in record),
            Headers = RecordHeaders.OfEvent(record.Headers), Data = e.Data, Position = position, SentAt = record.Timestamp,
        });
    }

    private static EventEnvelope ReadMessage(in KafkaRecord record, ReadOnlyMemory<byte> value, in RecordShape shape, string type, RecordFormat format, EventPosition position)
    {
        _ = Guid.TryParse(record.Headers.Text(RecordHeaders.MessageId) ?? shape.MessageId, out var id);
        Dictionary<string, string>? headers = null;
        if ((record.Headers.Text(RecordHeaders.CorrelationId) ?? shape.CorrelationId) is { } correlation) (headers ??= [])[BrookEvent.CorrelationHeader] = correlation;
        if ((record.Headers.Text(RecordHeaders.ActivityId) ?? record.Headers.Text(BrookEvent.TraceHeader)) is { } trace) (headers ??= [])[BrookEvent.TraceHeader] = trace;
        return OwnLine.In(new()
        {
            Id = id, HasCallersId = format.RemembersMessageIds && id != default, Type = type, CreatedAt = shape.Message.IsEmpty ? record.Timestamp : shape.SentTime ?? record.Timestamp,
            Key = KeyOf(in record, format), Headers = headers, Data = shape.Message.IsEmpty ? value : shape.Message, Position = position, SentAt = record.Timestamp,
        });
    }

    private static EventEnvelope ReadBrook(in KafkaRecord record, ReadOnlyMemory<byte> value, RecordFormat format, EventPosition position)
    {
        var e = EventReader.ReadAny(OwnLine.Unbroken(value), position, record.Timestamp);
        if (e.Error is not null) return e with { Record = record.Value ?? default };
        return e.Key is null && KeyOf(in record, format) is { } key ? OwnLine.In(e with { Key = key }) : e;
    }

    private static EventEnvelope Refused(in KafkaRecord record, RecordFormat format, EventPosition position, string reason) => new()
    {
        Type = "", Key = Elixirs(in record) ?? KeyOf(in record, format), Record = record.Value ?? default, Position = position, SentAt = record.Timestamp,
        Error = $"The record cannot be read: {Names.OneLine(reason, Names.MaxReason).TrimEnd('.')}. It is kept as it came. Correct its sender, or say how the topic is to be read.",
    };

    /// <summary>The type that the topic gives, or the record's message type.</summary>
    private static string? TypeOf(in KafkaRecord record, in RecordShape shape, RecordFormat format)
    {
        if (format.TypeOfMessage is { } typeOf)
            foreach (var urn in UrnsOf(in record, in shape))
                if (typeOf(urn) is { } type) return type;
        return format.EventType;
    }

    private static string? Unmapped(in KafkaRecord record, in RecordShape shape) => UrnsOf(in record, in shape) is [var first, ..] ? Names.Show(first) : null;

    private static string[] UrnsOf(in KafkaRecord record, in RecordShape shape)
        => shape.MessageTypes.Length > 0 ? shape.MessageTypes : record.Headers.Text(RecordHeaders.MessageType)?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>The record's key where it can be an event's.</summary>
    private static string? KeyOf(in KafkaRecord record, RecordFormat format)
        => format.Elixir == ElixirFormat.None && record.Key is { Length: > 0 and <= Names.MaxKeyBytes } key && Utf8.IsValid(key.Span) ? Encoding.UTF8.GetString(key.Span) : null;

    /// <summary>The event key of a record whose own key is the event's type.</summary>
    private static string? Elixirs(in KafkaRecord record) => record.Headers.Text(RecordHeaders.Key) is { Length: > 0 } key && !Names.IsLonger(key, Names.MaxKeyBytes) ? key : null;

    private static Guid IdOf(string? text)
        => text is null ? default : Guid.TryParseExact(text, "D", out var id) ? id : throw new FormatException("its header \"brook-id\" or \"brook-auto-id\" is not a UUID of the form 8-4-4-4-12");

    private static DateTimeOffset TimeOf(long milliseconds)
        => milliseconds is >= -62_135_596_800_000 and <= 253_402_300_799_999 ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : throw new FormatException("its \"create_ts\" is not a time in Unix milliseconds");

    private static byte[] Unquoted(ReadOnlyMemory<byte> value)
    {
        var json = new Utf8JsonReader(value.Span);
        json.Read();
        var text = new byte[json.ValueSpan.Length];
        return text[..json.CopyString(text)];
    }
}
