using Brook.Lanes;
using MassTransit;
using MassTransit.InMemoryTransport.Configuration;
using MassTransit.Transports;
using MassTransit.Transports.Fabric;

namespace Brook.MassTransit;

/// <summary>MassTransit's in-memory transport.</summary>
internal sealed class InMemoryTopology : IStreamTopology
{
    public bool IsInProcess => true;

    public bool Fits(Uri hostAddress) => hostAddress.Scheme == "loopback";

    public Uri DirectExchange(string name) => new($"exchange:{name}?type=Direct");      // in lower case the transport takes it for fan-out

    public Uri FanOutExchange(string name) => new($"exchange:{name}");

    public IStreamLanes LanesOf(StreamReading reading)
    {
        DeclareErrorQueue(reading.Bus, WireContract.ErrorQueue(reading.Stream.Instance));
        return new InMemoryLanes(reading);
    }

    public void BindForward(IReceiveEndpointConfigurator endpoint, string exchange) => ((IInMemoryReceiveEndpointConfigurator)endpoint).Bind(exchange);

    public void PrepareMessages(IReceiveEndpointConfigurator endpoint, bool inOrder, string errorQueue) { }

    public void Prepare(SendContext context) { }

    public ValueTask ConnectAsync(IBusInstance bus, CancellationToken cancellationToken) => default;

    public Exception? Refusal(Exception error, string stream, int partition) => error;

    /// <summary>What is sent there stays: the transport itself would let it go.</summary>
    private static void DeclareErrorQueue(IBusInstance bus, string queue)
    {
        var transport = ((IInMemoryHostConfiguration)bus.HostConfiguration).TransportProvider;
        transport.MessageFabric.ExchangeDeclare(transport, queue, ExchangeType.FanOut);
        transport.MessageFabric.QueueDeclare(transport, queue);
        transport.MessageFabric.QueueBind(transport, queue, queue);
    }
}

/// <summary>A queue per lane, one message at a time.</summary>
internal sealed class InMemoryLanes(StreamReading reading) : IStreamLanes
{
    private readonly List<LaneConsumer> _lanes = [];

    public IEnumerable<(string Queue, Action<IReceiveEndpointConfigurator> Configure)> Others => [];

    public IEnumerable<string> Halted => _lanes.Select(lane => lane.Halted).OfType<string>();

    public ValueTask<IReadOnlyList<SourceLane>> LookAsync(bool isStarted, CancellationToken cancellationToken)
        => new([.. _lanes.Select(lane => new SourceLane(lane.Name) { Waiting = lane.Waiting, Halted = lane.Halted })]);

    public string QueueOf(int partition) => WireContract.LaneQueue(reading.Stream.Instance, reading.Stream.Stream, partition);

    public void Bind(IReceiveEndpointConfigurator endpoint, LaneReceiver receiver)
    {
        var lane = new LaneConsumer(receiver, reading.Stream, reading.Backlog, reading.Stopped);
        _lanes.Add(lane);
        ((IInMemoryReceiveEndpointConfigurator)endpoint).Bind(WireContract.Exchange(reading.Stream.Stream), ExchangeType.Direct, $"{receiver.Partition}");
        endpoint.Instance(lane);
    }

    public void Started()
    {
        foreach (var lane in _lanes) _ = lane.OpenAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;       // the bus is drained instead
}
