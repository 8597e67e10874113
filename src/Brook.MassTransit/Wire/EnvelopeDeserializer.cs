using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using System.Text.Json;
using System.Text.Json.Nodes;
using MassTransit;
using MassTransit.Serialization;

namespace Brook.MassTransit;

/// <summary>
/// MassTransit's JSON envelopes for the endpoints of ordinary messages: what <paramref name="inner"/> gives, without a document of the whole body. An envelope
/// that is not written as MassTransit writes it goes to <paramref name="inner"/>: so does what is malformed, and its error is the usual one. Thread safe.
/// </summary>
internal sealed class EnvelopeDeserializer(SystemTextJsonMessageSerializer inner) : IMessageDeserializer, ISerializerFactory
{
    private readonly RepeatedParts _repeated = new();
    private volatile Seen? _seen;

    public ContentType ContentType => inner.ContentType;

    /// <summary>The bus's own deserializer of that content type, taken over; null: it is not MassTransit's, and stays.</summary>
    public static EnvelopeDeserializer? For(ISerialization bus)
        => bus.TryGetMessageDeserializer(SystemTextJsonMessageSerializer.JsonContentType, out var own) && own.GetType() == typeof(SystemTextJsonMessageSerializer)
            ? new EnvelopeDeserializer((SystemTextJsonMessageSerializer)own)
            : null;

    public IMessageSerializer CreateSerializer() => inner;

    public IMessageDeserializer CreateDeserializer() => this;

    public MessageBody GetMessageBody(string text) => inner.GetMessageBody(text);

    public void Probe(ProbeContext context) => inner.Probe(context);

    public ConsumeContext Deserialize(ReceiveContext receiveContext)
        => new BodyConsumeContext(receiveContext, Deserialize(receiveContext.Body, receiveContext.TransportHeaders, receiveContext.InputAddress));

    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null)
    {
        var options = SystemTextJsonMessageSerializer.Options;      // the application may replace them at any time
        return body is not JsonMessageBody && IsUsual(options) && Envelope.TryRead(body.GetBytes(), options, _repeated) is { } envelope
            ? new Context(inner, options, envelope)
            : inner.Deserialize(body, headers, destinationAddress);
    }

    /// <summary>The options read an envelope's own fields as MassTransit's do; what they do to messages does not matter.</summary>
    private bool IsUsual(JsonSerializerOptions options)
    {
        if (_seen is not { } seen || seen.Options != options) _seen = seen = new Seen(options, Envelope.ReadsAsUsual(options));
        return seen.Usual;
    }

    private sealed record Seen(JsonSerializerOptions Options, bool Usual);

    private sealed class Context(SystemTextJsonMessageSerializer inner, JsonSerializerOptions options, Envelope envelope)
        : SystemTextJsonSerializerContext(inner, options, inner.ContentType, new EnvelopeMessageContext(envelope, inner), envelope.MessageType ?? [], envelope, message: envelope)
    {
        public override bool TryGetMessage<T>([NotNullWhen(true)] out T? message) where T : class
        {
            message = typeof(T) == typeof(JsonObject) ? JsonObject.Create(envelope.Element) as T
                : IsSupportedMessageType<T>() ? JsonSerializer.Deserialize<T>(envelope.Json, Options)
                : null;
            return message is not null;
        }

        public override bool TryGetMessage(Type messageType, [NotNullWhen(true)] out object? message)
        {
            message = JsonSerializer.Deserialize(envelope.Json, messageType, Options);
            return message is not null;
        }
    }
}
