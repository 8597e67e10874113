using System.Net.Mime;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>The instance's one error queue: a message that cannot be read at all goes there as it came, with the reason in a header.</summary>
internal sealed class ErrorQueue(StreamOptions stream, IStreamTopology topology, IBus bus, ILogger logger)
{
    private readonly string _queue = WireContract.ErrorQueue(stream.Instance);

    /// <summary>What an endpoint of ordinary messages cannot read, or has no consumer for, comes here instead of a queue of that endpoint.</summary>
    public void TakeOver(IReceiveEndpointConfigurator endpoint)
    {
        endpoint.ConfigureError(pipe => pipe.UseExecuteAsync(failed => MoveAsync(failed, $"{failed.Exception.GetType().Name}: {failed.Exception.Message}")));
        endpoint.ConfigureDeadLetter(pipe => pipe.UseExecuteAsync(skipped => MoveAsync(skipped, $"It is none of the messages that this endpoint takes (content type {skipped.ContentType}). Send it to an endpoint of its type.")));
    }

    private Task MoveAsync(ReceiveContext context, string reason)
    {
        var message = new StreamDelivery(context.GetMessageId(), default, context.Body.GetBytes(), context.ContentType, context.TransportHeaders.GetAll());
        return MoveAsync(message, context.InputAddress.AbsolutePath.Split('/')[^1], reason, context.CancellationToken);
    }

    /// <summary>Ends when the queue has the message.</summary>
    public async Task MoveAsync(StreamDelivery message, string source, string reason, CancellationToken cancellationToken)
    {
        var endpoint = await bus.GetSendEndpoint(topology.FanOutExchange(_queue)).ConfigureAwait(false);
        await endpoint.Send(new StreamMessage(message.Body.ToArray()), Pipe.Execute<SendContext<StreamMessage>>(moved =>
        {
            topology.Prepare(moved);
            moved.Serializer = new StreamSerializer(message.ContentType ?? new ContentType("application/octet-stream"));
            moved.MessageId = message.MessageId;
            foreach (var header in message.AllHeaders)
                if (header.Key != MessageHeaders.MessageId && header.Key != MessageHeaders.ContentType) moved.Headers.Set(header.Key, header.Value);
            moved.Headers.Set(WireContract.ErrorHeader, reason);
        }), cancellationToken).ConfigureAwait(false);
        Telemetry.Unreadable(stream.Instance);
        Log.Undecodable(logger, stream.Instance, message.MessageId, source, _queue, reason);
    }
}
