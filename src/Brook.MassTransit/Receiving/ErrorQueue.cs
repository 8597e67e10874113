using System.Net.Mime;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>The instance's one error queue: a message that cannot be read at all goes there as it came, with the reason in a header.</summary>
internal sealed class ErrorQueue(StreamOptions stream, IStreamTopology topology, IBus bus, ILogger logger)
{
    private readonly string _queue = WireContract.ErrorQueue(stream.Instance);

    /// <summary>Ends when the queue has the message.</summary>
    public async Task MoveAsync(ConsumeContext<StreamMessage> context, string reason, CancellationToken cancellationToken)
    {
        var endpoint = await bus.GetSendEndpoint(topology.FanOutExchange(_queue)).ConfigureAwait(false);
        await endpoint.Send(context.Message, Pipe.Execute<SendContext<StreamMessage>>(moved =>
        {
            moved.Serializer = new StreamSerializer(context.ReceiveContext.ContentType ?? new ContentType("application/octet-stream"));
            moved.MessageId = context.MessageId;
            foreach (var header in context.ReceiveContext.TransportHeaders.GetAll())
                if (header.Key != MessageHeaders.MessageId && header.Key != MessageHeaders.ContentType) moved.Headers.Set(header.Key, header.Value);
            moved.Headers.Set(WireContract.ErrorHeader, reason);
        }), cancellationToken).ConfigureAwait(false);
        Log.Undecodable(logger, stream.Instance, context.MessageId, context.ReceiveContext.InputAddress.AbsolutePath, _queue, reason);
    }
}
