using MassTransit;
using MassTransit.Transports;

namespace Brook.MassTransit;

/// <summary>What differs between MassTransit's transports: addresses, bindings, and whether events live in this process only.</summary>
internal interface IStreamTopology
{
    /// <summary>Whether the bus with this address runs on the transport.</summary>
    bool Fits(Uri hostAddress);

    /// <summary>Queues end with the process: sending waits when too much is unhandled, a stop drains, and everybody who reads is known.</summary>
    bool IsInProcess { get; }

    Uri DirectExchange(string name);

    Uri FanOutExchange(string name);

    /// <summary>Binds a lane's endpoint to its partition of the stream.</summary>
    void BindLane(IReceiveEndpointConfigurator endpoint, string exchange, int partition);

    /// <summary>Binds a node's own endpoint to what other nodes forward.</summary>
    void BindForward(IReceiveEndpointConfigurator endpoint, string exchange);

    /// <summary>Declares the instance's error queue, so that what is sent there stays.</summary>
    void DeclareErrorQueue(IBusInstance bus, string queue);
}
