using System.Text;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;

namespace Brook.MassTransit;

/// <summary>One of MassTransit's JSON envelopes: where its fields stand in the body. A field becomes an object when somebody asks for it.</summary>
internal sealed class Envelope : MessageEnvelope
{
    private const int Texts = 9, Fields = 15;               // the first are texts
    private const int TypeField = 9, MessageField = 10, ExpirationField = 11, SentField = 12, HeadersField = 13, HostField = 14;
    private static readonly Dictionary<string, object?> s_noHeaders = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>In the order in which MassTransit writes them.</summary>
    private static readonly byte[][] s_names =
    [
        .. new[]
        {
            "messageId", "requestId", "correlationId", "conversationId", "initiatorId", "sourceAddress", "destinationAddress", "responseAddress", "faultAddress",
            "messageType", "message", "expirationTime", "sentTime", "headers", "host",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    private readonly byte[] _body;
    private readonly JsonSerializerOptions _options;
    private FieldRanges _ranges;                            // without the quotes of a text; empty: none, or null
    private JsonElement? _element;

    private Envelope(byte[] body, JsonSerializerOptions options) => (_body, _options) = (body, options);

    public string? MessageId => Text(0);
    public string? RequestId => Text(1);
    public string? CorrelationId => Text(2);
    public string? ConversationId => Text(3);
    public string? InitiatorId => Text(4);
    public string? SourceAddress => Text(5);
    public string? DestinationAddress => Text(6);
    public string? ResponseAddress => Text(7);
    public string? FaultAddress => Text(8);
    public string[]? MessageType { get; private set; }
    public object? Message => Element;
    public DateTime? ExpirationTime { get; private set; }
    public DateTime? SentTime { get; private set; }
    public Dictionary<string, object?> Headers { get; private set; } = s_noHeaders;
    public HostInfo? Host { get; private set; }

    /// <summary>The message as it came.</summary>
    public ReadOnlySpan<byte> Json => Raw(MessageField);

    /// <summary>The message as a document, for who moves or changes it.</summary>
    public JsonElement Element => _element ??= JsonSerializer.Deserialize<JsonElement>(Json, _options);

    /// <summary>Reads an envelope that is written as MassTransit writes it; null: it is not.</summary>
    public static Envelope? TryRead(byte[] body, JsonSerializerOptions options, RepeatedParts repeated)
    {
        try
        {
            var envelope = new Envelope(body, options);
            return envelope.Read(repeated) ? envelope : null;
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or InvalidOperationException or FormatException)
        {
            return null;                                    // MassTransit says what is wrong with it
        }
    }

    /// <summary>Whether the options read an envelope's fields as they are read here: the application may have added converters, or others' names.</summary>
    public static bool ReadsAsUsual(JsonSerializerOptions options)
    {
        try
        {
            return options.PropertyNameCaseInsensitive
                && new[] { typeof(string), typeof(string[]), typeof(DateTime), typeof(DateTime?), typeof(JsonElement), typeof(object) }.All(type => options.GetConverter(type).GetType().Assembly == typeof(JsonSerializer).Assembly)
                && options.GetConverter(typeof(MessageEnvelope)).GetType().Assembly == typeof(JsonMessageEnvelope).Assembly
                && options.GetTypeInfo(typeof(JsonMessageEnvelope)).Properties is { Count: Fields } properties
                && properties.All(property => property.CustomConverter is null && s_names.Any(name => Encoding.ASCII.GetString(name) == property.Name));
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or InvalidOperationException)
        {
            return false;
        }
    }

    private bool Read(RepeatedParts repeated)
    {
        var json = new Utf8JsonReader(_body, new JsonReaderOptions { AllowTrailingCommas = _options.AllowTrailingCommas, CommentHandling = _options.ReadCommentHandling, MaxDepth = _options.MaxDepth });
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) return false;
        var field = -1;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (!Next(ref field, json.ValueSpan)) return false;
            json.Read();
            if (!ReadField(field, ref json, repeated)) return false;
        }
        return !json.Read() && !Json.IsEmpty;
    }

    /// <summary>The field of that name: the next one, or a later one.</summary>
    private static bool Next(ref int field, ReadOnlySpan<byte> name)
    {
        while (++field < Fields)
            if (name.SequenceEqual(s_names[field])) return true;
        return false;
    }

    private bool ReadField(int field, ref Utf8JsonReader json, RepeatedParts repeated)
    {
        if (json.TokenType == JsonTokenType.Null) return true;
        var start = (int)json.TokenStartIndex;
        if (field is < Texts or ExpirationField or SentField)
        {
            if (json.TokenType != JsonTokenType.String || json.ValueIsEscaped || !Ascii.IsValid(json.ValueSpan)) return false;
            _ranges[field] = (start + 1)..(start + 1 + json.ValueSpan.Length);
            if (field == ExpirationField) ExpirationTime = json.GetDateTime();
            if (field == SentField) SentTime = json.GetDateTime();
            return true;
        }
        json.Skip();
        _ranges[field] = start..(int)json.BytesConsumed;
        if (field == TypeField) MessageType = repeated.Types.Of(Raw(field), _options);
        if (field == HostField) Host = repeated.Host.Of(Raw(field), _options);
        if (field == HeadersField && !Raw(field).SequenceEqual("{}"u8)) Headers = JsonSerializer.Deserialize<Dictionary<string, object?>>(Raw(field), _options) ?? s_noHeaders;
        return true;
    }

    private string? Text(int field) => _ranges[field].Equals(default) ? null : Encoding.ASCII.GetString(Raw(field));

    private ReadOnlySpan<byte> Raw(int field) => _body.AsSpan(_ranges[field]);

    [System.Runtime.CompilerServices.InlineArray(Fields)]
    private struct FieldRanges
    {
        private Range _first;
    }
}

/// <summary>What is the same in one envelope after the other: the sender's host and the names of the message's types. Thread safe.</summary>
internal sealed class RepeatedParts
{
    public Repeated<HostInfo> Host { get; } = new();

    public Repeated<string[]> Types { get; } = new();
}

/// <summary>The last value of a part, for the same JSON with the same options.</summary>
internal sealed class Repeated<T> where T : class
{
    private volatile Known? _last;

    public T? Of(ReadOnlySpan<byte> json, JsonSerializerOptions options)
    {
        if (_last is { } last && last.Options == options && json.SequenceEqual(last.Json)) return last.Value;
        var value = JsonSerializer.Deserialize<T>(json, options);
        _last = new Known(json.ToArray(), options, value);
        return value;
    }

    private sealed record Known(byte[] Json, JsonSerializerOptions Options, T? Value);
}
