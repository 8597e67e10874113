using System.Collections.Concurrent;
using System.Net.Mime;
using MassTransit;
using MassTransit.Serialization;

namespace Brook.MassTransit;

/// <summary>
/// Finds out when what waits in a queue of this process has been handled, at no cost to the messages: a mark is sent behind them. An endpoint that takes one
/// message at a time reads it when all before it are done. Its content type is its own, so that no consumer ever sees it. Thread safe.
/// </summary>
internal sealed class EndOfQueue : IMessageSerializer, IMessageDeserializer, ISerializerFactory
{
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> _marks = new();

    public ContentType ContentType { get; } = new("application/x-brook-mark");

    /// <summary>Ends when the endpoint has handled what was in its queue.</summary>
    public async Task WhenHandledAsync(IBus bus, Uri endpoint, CancellationToken cancellationToken)
    {
        var (id, done) = (NewId.NextGuid(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _marks[id] = done;
        try
        {
            var queue = await bus.GetSendEndpoint(endpoint).ConfigureAwait(false);
            await queue.Send(new StreamMessage([]), Pipe.Execute<SendContext<StreamMessage>>(context =>
            {
                context.Serializer = this;
                context.MessageId = id;
            }), cancellationToken).ConfigureAwait(false);
            await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _marks.TryRemove(id, out _);
        }
    }

    public MessageBody GetMessageBody<T>(SendContext<T> context) where T : class => new BytesMessageBody([]);

    public MessageBody GetMessageBody(string text) => new StringMessageBody(text);

    public ConsumeContext Deserialize(ReceiveContext receiveContext)
        => new BodyConsumeContext(receiveContext, Deserialize(receiveContext.Body, receiveContext.TransportHeaders, receiveContext.InputAddress));

    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null)
    {
        if (headers.GetMessageId() is { } id && _marks.TryGetValue(id, out var done)) done.TrySetResult();
        return StreamSerializer.Instance.Deserialize(body, headers, destinationAddress);
    }

    public void Probe(ProbeContext context) => context.CreateScope("brook").Add("contentType", ContentType.MediaType);

    public IMessageSerializer CreateSerializer() => this;

    public IMessageDeserializer CreateDeserializer() => this;
}
