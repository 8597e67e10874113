using MassTransit;
using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Brook.MassTransit.RabbitMq;

/// <summary>
/// An endpoint's start: it declares its queue when it is this node's turn, and ends when its channel has ended or after a while: MassTransit then tries again.
/// Without that a start whose connection is lost between two calls may wait for ever.
/// </summary>
internal sealed class OrderlyStart(SetupTurn turn, Uri address, TimeProvider time, bool inOrder = false) : IFilter<ChannelContext>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        using var patience = new CancellationTokenSource(s_patience, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, patience.Token);
        using var channel = new StartingChannel(context, turn, patience, inOrder, ended.Token);
        AsyncEventHandler<ShutdownEventArgs> onShutdown = (_, _) => channel.Consumes ? Task.CompletedTask : patience.CancelAsync();
        context.Channel.ChannelShutdownAsync += onShutdown;
        try
        {
            if (context.Channel.IsClosed) await patience.CancelAsync().ConfigureAwait(false);
            await turn.TakeAsync(context.ConnectionContext, ended.Token).ConfigureAwait(false);
            channel.HasTurn = true;
            await next.Send(channel).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (patience.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested)
        {
            context.NotifyFaulted(error, address);          // MassTransit may not have heard of the channel's end, and would try the same one again
            throw new RabbitMqConnectionException($"The endpoint {address} lost its channel before it had started, or did not start within {s_patience.TotalSeconds} s; it is started again.", error);
        }
        finally
        {
            context.Channel.ChannelShutdownAsync -= onShutdown;
            await channel.GiveTurnBackAsync().ConfigureAwait(false);
        }
    }

    public void Probe(ProbeContext context) => context.CreateScope("brookStart");

    private sealed class StartingChannel(ChannelContext context, SetupTurn turn, CancellationTokenSource patience, bool inOrder, CancellationToken cancellationToken) : ScopeChannelContext(context, cancellationToken), ChannelContext
    {
        private volatile bool _consumes;

        /// <summary>The start is over.</summary>
        public bool Consumes => _consumes;

        public bool HasTurn { get; set; }

        async Task<string> ChannelContext.BasicConsume(string queue, bool noAck, bool exclusive, IDictionary<string, object> arguments, IAsyncBasicConsumer consumer, string consumerTag, CancellationToken cancellationToken)
        {
            var tag = await BasicConsume(queue, noAck, exclusive, arguments, consumer, consumerTag, cancellationToken).ConfigureAwait(false);
            _consumes = true;
            patience.CancelAfter(Timeout.InfiniteTimeSpan);
            await GiveTurnBackAsync().ConfigureAwait(false);
            return tag;
        }

        /// <summary>Where order counts the consumer is not cancelled at a stop: another node would be given the next message beside the one in hand. It ends with its channel.</summary>
        Task ChannelContext.BasicCancel(string consumerTag, CancellationToken cancellationToken) => inOrder ? Task.CompletedTask : BasicCancel(consumerTag, cancellationToken);

        public Task GiveTurnBackAsync()
        {
            if (!HasTurn) return Task.CompletedTask;
            HasTurn = false;
            return turn.ReleaseAsync(ConnectionContext);
        }
    }
}
