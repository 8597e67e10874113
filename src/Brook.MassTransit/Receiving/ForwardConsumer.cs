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
        var (lane, message) = ($"{stream.Stream}/forward", context.MessageId ?? default);
        var fits = context.Message.Lines.Length <= engine.Options.ReceiveLimit && lines.TryAdd(context.Message.Lines, lane, message, headers.SentAt);
        await engine.ObserveAsync(fits ? lines.Events : new[] { TooLarge(new EventPosition(lane, 0, message)) }, context.CancellationToken).ConfigureAwait(false);
    }

    /// <summary>It is logged, and that is all: no handler is owed what another node forwards.</summary>
    private static EventEnvelope TooLarge(EventPosition position) => new() { Type = "", Position = position, Error = "The message is larger than this node takes (MaxReceivedBytes), or has too many events." };
}
