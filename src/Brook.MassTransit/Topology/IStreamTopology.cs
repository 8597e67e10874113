using Brook.Lanes;
using MassTransit;
using MassTransit.Transports;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>What differs between MassTransit's transports. One object serves every instance on such a bus. Thread safe.</summary>
internal interface IStreamTopology
{
    /// <summary>Whether the bus with this address runs on the transport.</summary>
    bool Fits(Uri hostAddress);

    /// <summary>Queues end with the process: sending waits when too much is unhandled, a stop drains, and everybody who reads is known.</summary>
    bool IsInProcess { get; }

    Uri DirectExchange(string name);

    Uri FanOutExchange(string name);

    /// <summary>How the instance reads its stream.</summary>
    IStreamLanes LanesOf(StreamReading reading);

    /// <summary>Binds a node's own endpoint to what other nodes forward.</summary>
    void BindForward(IReceiveEndpointConfigurator endpoint, string exchange);

    /// <summary>What the transport adds to an endpoint of ordinary messages.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="inOrder">One node at a time reads it.</param>
    /// <param name="errorQueue">Where what it cannot read goes.</param>
    void PrepareMessages(IReceiveEndpointConfigurator endpoint, bool inOrder, string errorQueue);

    /// <summary>What the transport adds to a message of ours: it is sent when the transport has it durably.</summary>
    void Prepare(SendContext context);

    /// <summary>Ends when there is a connection to send on.</summary>
    /// <exception cref="Exception">There is none; try again.</exception>
    ValueTask ConnectAsync(IBusInstance bus, CancellationToken cancellationToken);

    /// <summary>What the caller is told when sending the same again cannot help; null: the outcome is not known, and the message is to be sent again.</summary>
    Exception? Refusal(Exception error, string stream, int partition);
}

/// <summary>One instance's lanes on a transport.</summary>
internal interface IStreamLanes
{
    /// <summary>Endpoints of the transport's own, beside the lanes.</summary>
    IEnumerable<(string Queue, Action<IReceiveEndpointConfigurator> Configure)> Others { get; }

    /// <summary>Why lanes stand still.</summary>
    IEnumerable<string> Halted { get; }

    /// <summary>Asks the transport what the lanes' queues still have, and those of ordinary messages where it can tell.</summary>
    /// <param name="isStarted">The bus has started: queues are there.</param>
    /// <param name="cancellationToken">Nobody waits for the answer any more.</param>
    /// <exception cref="Exception">The transport does not answer.</exception>
    ValueTask<IReadOnlyList<SourceLane>> LookAsync(bool isStarted, CancellationToken cancellationToken);

    /// <summary>The queue of a lane.</summary>
    string QueueOf(int partition);

    /// <summary>Makes the endpoint a lane's: bound to its partition, its messages go to the receiver in order.</summary>
    void Bind(IReceiveEndpointConfigurator endpoint, LaneReceiver receiver);

    /// <summary>The bus has started.</summary>
    void Started();

    /// <summary>The bus is about to stop: what is at work is finished, and no lane is read from now on. Ends at once when the token is cancelled; never throws.</summary>
    Task StopAsync(CancellationToken cancellationToken);
}

/// <summary>What an instance reads, for its transport.</summary>
/// <param name="Stream">The stream and the instance.</param>
/// <param name="PerNode">Each node has queues of its own and the whole view.</param>
/// <param name="Bus">The bus.</param>
/// <param name="Backlog">Of a transport in this process.</param>
/// <param name="Time">For pauses.</param>
/// <param name="Logger">Of this package.</param>
/// <param name="Stopped">Of a transport in this process: what is still at work is given up.</param>
internal sealed record StreamReading(StreamOptions Stream, bool PerNode, IBusInstance Bus, StreamBacklog Backlog, TimeProvider Time, ILogger Logger, CancellationToken Stopped);
