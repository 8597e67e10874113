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

    public void BindLane(IReceiveEndpointConfigurator endpoint, string exchange, int partition)
        => ((IInMemoryReceiveEndpointConfigurator)endpoint).Bind(exchange, ExchangeType.Direct, $"{partition}");

    public void BindForward(IReceiveEndpointConfigurator endpoint, string exchange) => ((IInMemoryReceiveEndpointConfigurator)endpoint).Bind(exchange);

    public void DeclareErrorQueue(IBusInstance bus, string queue)
    {
        var transport = ((IInMemoryHostConfiguration)bus.HostConfiguration).TransportProvider;
        transport.MessageFabric.ExchangeDeclare(transport, queue, ExchangeType.FanOut);
        transport.MessageFabric.QueueDeclare(transport, queue);
        transport.MessageFabric.QueueBind(transport, queue, queue);
    }
}
