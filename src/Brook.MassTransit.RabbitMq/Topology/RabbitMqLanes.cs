using Brook.Lanes;
using MassTransit;
using MassTransit.RabbitMqTransport;

namespace Brook.MassTransit.RabbitMq;

/// <summary>One instance's lanes: a quorum queue per partition with a single active consumer, and a queue by which the nodes count themselves.</summary>
internal sealed class RabbitMqLanes(StreamReading reading, SetupTurn turn) : IStreamLanes
{
    /// <summary>Twice what goes into one commit: while a run is being committed the next one arrives.</summary>
    private const ushort Prefetch = 2 * LaneReader.MaxMessages;

    private static readonly TimeSpan s_nodeIsGone = TimeSpan.FromMinutes(5);
    private readonly List<LaneEndpoint> _lanes = [];
    private readonly QueueLook _look = new(reading.Bus);

    public IEnumerable<(string Queue, Action<IReceiveEndpointConfigurator> Configure)> Others
        => [(NodesQueue, ConfigureNodes)];

    public IEnumerable<string> Halted => _lanes.Select(lane => lane.Halted).OfType<string>();

    /// <summary>How many lanes the broker has given to this node.</summary>
    public int Active => _lanes.Count(lane => lane.IsActive);

    private string NodesQueue => WireContract.NodesQueue(reading.Stream.Instance, reading.Stream.Stream) + Suffix;

    private string Suffix => reading.PerNode ? $".{reading.Stream.Node}" : "";

    /// <summary>The queues' own counts of what is ready, and what this node has in hand: the broker does not tell others what is not acknowledged.</summary>
    public async ValueTask<IReadOnlyList<SourceLane>> LookAsync(bool isStarted, CancellationToken cancellationToken)
    {
        var ordinary = reading.Stream.Messages.Where(message => !message.IsInbox).Select(reading.Stream.MessageQueue).ToList();
        var counts = await _look.CountAsync([NodesQueue, .. _lanes.Select(lane => lane.Queue), .. ordinary], cancellationToken).ConfigureAwait(false);
        var isAlone = counts.GetValueOrDefault(NodesQueue) is null or { ConsumerCount: <= 1 };
        return [.. _lanes.Select(lane => LaneOf(lane.Name, lane.Queue, lane)), .. ordinary.Select(queue => LaneOf(queue, queue, null))];

        SourceLane LaneOf(string name, string queue, LaneEndpoint? lane)
        {
            var count = counts.GetValueOrDefault(queue);
            return new(name)
            {
                IsHere = lane is null || lane.IsActive || isAlone || count is null or { ConsumerCount: 0 },        // who waits behind the active consumer is not counted
                Waiting = count is null ? null : count.MessageCount + (lane?.InHand ?? 0), CountsMessages = true,
                Halted = lane?.Halted ?? (count is null && isStarted ? $"its queue '{queue}' is not on the broker, so nobody can send to it. Restart this process to have it declared, and look who deleted it" : null),
            };
        }
    }

    public string QueueOf(int partition) => WireContract.LaneQueue(reading.Stream.Instance, reading.Stream.Stream, partition) + Suffix;

    public void Bind(IReceiveEndpointConfigurator endpoint, LaneReceiver receiver)
    {
        var queue = (IRabbitMqReceiveEndpointConfigurator)endpoint;
        var lane = new LaneEndpoint(receiver, QueueOf(receiver.Partition), queue.InputAddress, reading.Logger);
        _lanes.Add(lane);
        queue.SetQuorumQueue();
        queue.SingleActiveConsumer = true;
        queue.PrefetchCount = Prefetch;
        if (reading.PerNode) queue.QueueExpiration = s_nodeIsGone;
        queue.Bind(WireContract.Exchange(reading.Stream.Stream), binding =>
        {
            binding.ExchangeType = RabbitMQ.Client.ExchangeType.Direct;
            binding.RoutingKey = $"{receiver.Partition}";
        });
        queue.ConfigureChannel(channel =>
        {
            channel.UseFilter(new OrderlyStart(turn, queue.InputAddress, reading.Time));
            channel.UseFilter(lane);
        });
    }

    public void Started() { }           // a lane is opened by whom the broker gives its messages

    public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(_lanes.Select(lane => lane.StopAsync(cancellationToken)));

    private void ConfigureNodes(IReceiveEndpointConfigurator endpoint)
    {
        var queue = (IRabbitMqReceiveEndpointConfigurator)endpoint;
        queue.AutoDelete = true;
        queue.ConfigureChannel(channel =>
        {
            channel.UseFilter(new OrderlyStart(turn, queue.InputAddress, reading.Time));
            channel.UseFilter(new ErrorQueueDeclaration(WireContract.ErrorQueue(reading.Stream.Instance)));
            if (!reading.PerNode) channel.UseFilter(new LaneSpread(_lanes, NodesQueue, reading.Stream, reading.Time, reading.Logger));
        });
    }
}
