using System.Text.Json;

namespace Brook.MassTransit.Kafka;

/// <summary>What the fields of a value say about its form.</summary>
internal readonly struct RecordShape
{
    /// <summary>What the whole value is.</summary>
    public JsonValueKind Kind { get; private init; }

    /// <summary>Either serializer's mark of an event.</summary>
    public bool IsElixir { get; private init; }

    /// <summary>It has <c>type</c> and <c>data</c>, as Brook's own events have.</summary>
    public bool IsBrook { get; private init; }

    /// <summary>The message in MassTransit's envelope; empty: it is no envelope.</summary>
    public ReadOnlyMemory<byte> Message { get; private init; }

    /// <summary>The urns of MassTransit's envelope.</summary>
    public string[] MessageTypes { get; private init; }

    public string? MessageId { get; private init; }
    public string? CorrelationId { get; private init; }
    public DateTimeOffset? SentTime { get; private init; }

    /// <exception cref="JsonException">It is no JSON.</exception>
    public static RecordShape Of(ReadOnlyMemory<byte> value)
    {
        var json = new Utf8JsonReader(value.Span, new JsonReaderOptions { MaxDepth = EventReader.MaxDepth });
        if (!json.Read()) throw new JsonException("it is empty");
        if (json.TokenType != JsonTokenType.StartObject)
        {
            var kind = KindOf(json.TokenType);
            json.Skip();
            while (json.Read()) { }
            return new() { Kind = kind, MessageTypes = [] };
        }
        var (isElixir, hasType, hasData) = (false, false, false);
        ReadOnlyMemory<byte> message = default;
        string[] types = [];
        string? id = null, correlation = null;
        DateTimeOffset? sent = null;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isMark = json.ValueTextEquals("__brook_struct__"u8) || json.ValueTextEquals("__data_type__"u8);
            hasType |= json.ValueTextEquals("type"u8);
            hasData |= json.ValueTextEquals("data"u8);
            var field = FieldOf(in json);
            json.Read();
            isElixir |= isMark && json.TokenType == JsonTokenType.String && json.ValueTextEquals("Elixir.Brook.Event"u8);
            var start = (int)json.TokenStartIndex;
            if (json.TokenType == JsonTokenType.String)
            {
                if (field == Field.MessageId) id = json.GetString();
                if (field == Field.CorrelationId) correlation = json.GetString();
                if (field == Field.SentTime && json.TryGetDateTimeOffset(out var at)) sent = at;
            }
            if (field == Field.MessageType && json.TokenType == JsonTokenType.StartArray) types = Urns(ref json);
            json.Skip();
            if (field == Field.Message && message.IsEmpty) message = value[start..(int)json.BytesConsumed];
        }
        while (json.Read()) { }
        return new()
        {
            Kind = JsonValueKind.Object, IsElixir = isElixir, IsBrook = hasType && hasData, Message = types.Length > 0 ? message : default, MessageTypes = types, MessageId = id, CorrelationId = correlation, SentTime = sent,
        };
    }

    /// <summary>For people: what stands there, not what it says.</summary>
    public static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "a JSON object without \"type\" and \"data\"",
        JsonValueKind.Array => "a JSON array",
        JsonValueKind.String => "a JSON string",
        JsonValueKind.Number => "a JSON number",
        _ => "true, false or null",
    };

    private static Field FieldOf(in Utf8JsonReader json)
        => json.ValueTextEquals("message"u8) ? Field.Message
            : json.ValueTextEquals("messageType"u8) ? Field.MessageType
            : json.ValueTextEquals("messageId"u8) ? Field.MessageId
            : json.ValueTextEquals("correlationId"u8) ? Field.CorrelationId
            : json.ValueTextEquals("sentTime"u8) ? Field.SentTime
            : Field.Other;

    private static string[] Urns(ref Utf8JsonReader json)
    {
        var urns = new List<string>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
            if (json.TokenType == JsonTokenType.String && json.GetString() is { } urn && urn.StartsWith("urn:message:", StringComparison.OrdinalIgnoreCase)) urns.Add(urn);
            else json.Skip();
        return [.. urns];
    }

    private static JsonValueKind KindOf(JsonTokenType token) => token switch
    {
        JsonTokenType.StartArray => JsonValueKind.Array,
        JsonTokenType.String => JsonValueKind.String,
        JsonTokenType.Number => JsonValueKind.Number,
        JsonTokenType.True => JsonValueKind.True,
        JsonTokenType.False => JsonValueKind.False,
        _ => JsonValueKind.Null,
    };

    /// <summary>Of MassTransit's envelope.</summary>
    private enum Field
    {
        Other,
        Message,
        MessageType,
        MessageId,
        CorrelationId,
        SentTime,
    }
}
