using MassTransit;
using MassTransit.RabbitMqTransport;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.RabbitMq;

/// <summary>
/// Shares the lanes out among the nodes: the broker gives a lane to the node that asked first, so the first node would keep them all. Each node counts the nodes
/// (consumers of one queue) now and then, and hands back what it has beyond its share; the next in line takes it. This is for the load only: what keeps
/// order and makes events happen once are the broker and the store.
/// </summary>
internal sealed class LaneSpread(IReadOnlyList<LaneEndpoint> lanes, string nodes, StreamOptions stream, TimeProvider time, ILogger logger) : IFilter<ChannelContext>
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2), s_rest = TimeSpan.FromMinutes(1);
    private readonly Dictionary<LaneEndpoint, long> _handedBack = [];

    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        var spreading = SpreadAsync(context, ended.Token);
        try
        {
            await next.Send(context).ConfigureAwait(false);
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await spreading.ConfigureAwait(false);
        }
    }

    public void Probe(ProbeContext context) => context.CreateScope("brookNodes").Add("queue", nodes);

    private async Task SpreadAsync(ChannelContext context, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await Task.Delay(s_interval, time, cancellationToken).ConfigureAwait(false);
                var count = (await context.QueueDeclarePassive(nodes, cancellationToken).ConfigureAwait(false)).ConsumerCount;
                await HandBackAsync((int)Math.Max(1, count), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested || context.Channel.IsClosed)
            {
                return;             // the next channel goes on
            }
            catch (Exception error)
            {
                Log.SpreadFails(logger, stream.Instance, stream.Stream, error);
            }
        }
    }

    private async Task HandBackAsync(int count, CancellationToken cancellationToken)
    {
        var share = (lanes.Count + count - 1) / count;
        var mine = lanes.Where(lane => lane.IsActive).ToList();
        var surplus = mine.Where(lane => !_handedBack.TryGetValue(lane, out var at) || time.GetElapsedTime(at) > s_rest).TakeLast(mine.Count - share).ToList();
        if (surplus.Count == 0) return;
        Log.HandsBack(logger, stream.Instance, stream.Stream, mine.Count, lanes.Count, count, surplus.Count);
        foreach (var lane in surplus) _handedBack[lane] = time.GetTimestamp();      // nobody took it, if it comes back: it may rest here a while
        await Task.WhenAll(surplus.Select(lane => lane.HandBackAsync(cancellationToken))).ConfigureAwait(false);
    }
}
