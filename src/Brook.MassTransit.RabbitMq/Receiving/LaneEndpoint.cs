using MassTransit;
using MassTransit.RabbitMqTransport;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Brook.MassTransit.RabbitMq;

/// <summary>One lane on this node, over all the channels it has in its life: each new channel gets a reader, one after the other.</summary>
internal sealed class LaneEndpoint(LaneReceiver receiver, string queue, Uri address, ILogger logger) : IFilter<ChannelContext>
{
    private volatile LaneReader? _reader;
    private volatile bool _stopped;

    public string Name => receiver.Name;

    public Uri Address => address;

    /// <summary>Why the lane stands still; null: it does not.</summary>
    public string? Halted => _reader?.Halted;

    /// <summary>The broker has given this node messages of the lane, and goes on to.</summary>
    public bool IsActive => _reader is { IsActive: true };

    /// <summary>Messages that the broker has given to this node and that are not acknowledged.</summary>
    public int InHand => _reader?.InHand ?? 0;

    public string Queue => queue;

    /// <summary>Lets another node have the lane, if there is one: what is at work is finished, the rest goes back in order.</summary>
    public Task HandBackAsync(CancellationToken cancellationToken) => _reader?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    /// <summary>As <see cref="HandBackAsync"/>, and no channel is read any more.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        _stopped = true;
        return HandBackAsync(cancellationToken);
    }

    public Task Send(ChannelContext context, IPipe<ChannelContext> next) => next.Send(new LaneChannel(context, this));

    public void Probe(ProbeContext context) => context.CreateScope("brookLane").Add("queue", queue);

    private async Task<LaneReader> NewReaderAsync(ChannelContext channel, IAsyncBasicConsumer endpoint)
    {
        if (_reader is { Channel.IsClosed: true } former) await former.AbandonAsync().ConfigureAwait(false);     // its successor waits for its end
        return _reader = new LaneReader(receiver, channel, endpoint, queue, address, _reader?.Completed ?? Task.CompletedTask, logger);
    }

    /// <summary>
    /// The endpoint's channel with two changes. The lane's reader stands between the broker and MassTransit's consumer, which hears of everything but the
    /// messages. And a stop does not cancel the consumer: another node would be given the messages behind those that are not acknowledged yet, before them. The
    /// channel is closed instead, so that the broker puts those back first.
    /// </summary>
    private sealed class LaneChannel(ChannelContext context, LaneEndpoint lane) : ScopeChannelContext(context, context.CancellationToken), ChannelContext
    {
        private LaneReader? _reader;

        async Task<string> ChannelContext.BasicConsume(string queue, bool noAck, bool exclusive, IDictionary<string, object> arguments, IAsyncBasicConsumer consumer, string consumerTag, CancellationToken cancellationToken)
        {
            if (lane._stopped) throw new OperationCanceledException("The bus stops.");
            _reader = await lane.NewReaderAsync(this, consumer).ConfigureAwait(false);
            try
            {
                var tag = await BasicConsume(queue, noAck, exclusive, arguments, _reader, consumerTag, cancellationToken).ConfigureAwait(false);
                if (lane._stopped) await _reader.StopAsync(cancellationToken).ConfigureAwait(false);        // it began while the bus was being stopped
                return tag;
            }
            catch (Exception error)
            {
                await _reader.AbandonAsync().ConfigureAwait(false);     // it would wait for messages for ever, and the next reader for it
                if (Channel.IsOpen) NotifyFaulted(error, lane.Address);  // the broker may take it for the lane's consumer all the same
                throw;
            }
        }

        Task ChannelContext.BasicCancel(string consumerTag, CancellationToken cancellationToken) => _reader?.StopAsync(cancellationToken) ?? Task.CompletedTask;
    }
}
