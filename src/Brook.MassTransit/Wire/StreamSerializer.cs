using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using MassTransit;
using MassTransit.Serialization;

namespace Brook.MassTransit;

/// <summary>
/// The body is the message: bytes out, bytes in, without MassTransit's envelope. A lane's endpoint knows no other format, so a message of any content type
/// comes to its consumer, which decides; nothing is skipped on the way.
/// </summary>
internal sealed class StreamSerializer(ContentType contentType) : IMessageSerializer, IMessageDeserializer, ISerializerFactory
{
    public static readonly StreamSerializer Instance = new(WireContract.Lines);

    public ContentType ContentType => contentType;

    public IMessageSerializer CreateSerializer() => this;

    public IMessageDeserializer CreateDeserializer() => this;

    public MessageBody GetMessageBody<T>(SendContext<T> context) where T : class
        => context.Message is StreamMessage message ? new BytesMessageBody(message.Lines) : SystemTextJsonMessageSerializer.Instance.GetMessageBody(context);    // a fault, say

    public MessageBody GetMessageBody(string text) => new StringMessageBody(text);

    public ConsumeContext Deserialize(ReceiveContext receiveContext)
        => new BodyConsumeContext(receiveContext, Deserialize(receiveContext.Body, receiveContext.TransportHeaders, receiveContext.InputAddress));

    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null)
        => new StreamSerializerContext(new StreamMessage(body.GetBytes()), new RawMessageContext(headers, destinationAddress, RawSerializerOptions.Default));

    public void Probe(ProbeContext context) => context.CreateScope("brook").Add("contentType", ContentType.MediaType);

    private sealed class StreamSerializerContext(StreamMessage body, MessageContext context)
        : BaseSerializerContext(SystemTextJsonMessageSerializer.Instance, context, [MessageUrn.ForTypeString<StreamMessage>()])
    {
        public override bool IsSupportedMessageType<T>() => typeof(T) == typeof(StreamMessage);

        public override bool IsSupportedMessageType(Type messageType) => messageType == typeof(StreamMessage);

        public override bool TryGetMessage<T>(out T? message) where T : class
        {
            message = body as T;
            return message is not null;
        }

        public override bool TryGetMessage(Type messageType, [NotNullWhen(true)] out object? message)
        {
            message = messageType == typeof(StreamMessage) ? body : null;
            return message is not null;
        }

        public override IMessageSerializer GetMessageSerializer() => Instance;

        public override IMessageSerializer GetMessageSerializer<T>(MessageEnvelope envelope, T message) => Instance;

        public override IMessageSerializer GetMessageSerializer(object message, string[] messageTypes) => Instance;

        public override Dictionary<string, object> ToDictionary<T>(T? message) where T : class => [];
    }
}
