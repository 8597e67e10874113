using MassTransit;
using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Brook.MassTransit.RabbitMq;

/// <summary>
/// Ends an endpoint's start when its channel has ended, or after a while: MassTransit then tries again. Without it a start whose connection is lost between two
/// calls may wait for ever (seen with RabbitMQ 3.10, which ends connections when two nodes declare the same new quorum queue at once).
/// </summary>
internal sealed class StartWatch(TimeProvider time) : IFilter<ChannelContext>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        using var patience = new CancellationTokenSource(s_patience, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, patience.Token);
        using var channel = new StartingChannel(context, patience, ended.Token);
        var watching = true;
        AsyncEventHandler<ShutdownEventArgs> onShutdown = (_, _) =>
        {
            if (Volatile.Read(ref watching) && !channel.Consumes) patience.Cancel();
            return Task.CompletedTask;
        };
        context.Channel.ChannelShutdownAsync += onShutdown;
        try
        {
            if (context.Channel.IsClosed) await patience.CancelAsync().ConfigureAwait(false);
            await next.Send(channel).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref watching, false);
            context.Channel.ChannelShutdownAsync -= onShutdown;
        }
    }

    public void Probe(ProbeContext context) => context.CreateScope("brookStartWatch");

    private sealed class StartingChannel(ChannelContext context, CancellationTokenSource patience, CancellationToken cancellationToken) : ScopeChannelContext(context, cancellationToken), ChannelContext
    {
        private volatile bool _consumes;

        /// <summary>The start is over.</summary>
        public bool Consumes => _consumes;

        async Task<string> ChannelContext.BasicConsume(string queue, bool noAck, bool exclusive, IDictionary<string, object> arguments, IAsyncBasicConsumer consumer, string consumerTag, CancellationToken cancellationToken)
        {
            var tag = await BasicConsume(queue, noAck, exclusive, arguments, consumer, consumerTag, cancellationToken).ConfigureAwait(false);
            _consumes = true;
            patience.CancelAfter(Timeout.InfiniteTimeSpan);
            return tag;
        }
    }
}
