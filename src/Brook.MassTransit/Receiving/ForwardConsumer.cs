using Brook.Lanes;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>The consumer of what other nodes forward: handlers run, changes are not kept. What this node forwarded itself is passed over.</summary>
internal sealed class ForwardConsumer(BrookEngine engine, StreamOptions stream) : IConsumer<StreamMessage>
{
    public async Task Consume(ConsumeContext<StreamMessage> context)
    {
        var headers = StreamHeaders.Read(context.ReceiveContext.TransportHeaders);
        if (headers.Node == stream.Node) return;
        var lines = new EventLines();
        lines.Add(context.Message.Lines, $"{stream.Stream}/forward", context.MessageId ?? default, headers.SentAt);
        await engine.ObserveAsync(lines.Events, context.CancellationToken).ConfigureAwait(false);
    }
}
