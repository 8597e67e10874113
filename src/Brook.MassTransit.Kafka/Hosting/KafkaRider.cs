using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.Transports;

namespace Brook.MassTransit.Kafka;

/// <summary>The riders of the application's buses: one for each bus, whatever instances it has on Kafka. Thread safe.</summary>
internal sealed class KafkaRiders
{
    private readonly ConditionalWeakTable<IBusInstance, KafkaRider> _riders = [];

    /// <summary>The bus's rider, which is connected to it when it is made.</summary>
    public KafkaRider Of(IBusInstance bus) => _riders.GetValue(bus, static bus =>
    {
        var rider = new KafkaRider();
        bus.Connect<KafkaRider>(rider);
        return rider;
    });
}

/// <summary>MassTransit starts, stops and watches it with its bus. Each instance is an endpoint.</summary>
internal sealed class KafkaRider : IRider, IRiderControl
{
    private readonly ReceiveEndpointCollection _endpoints = new();

    public void Add(KafkaDriver driver, IBusInstance bus) => _endpoints.Add(KafkaEndpoint.NameOf(driver), KafkaEndpoint.Create(driver, bus));

    public RiderHandle Start(CancellationToken cancellationToken = default) => new Handle(_endpoints, _endpoints.StartEndpoints(cancellationToken));

    public IEnumerable<EndpointHealthResult> CheckEndpointHealth() => _endpoints.CheckEndpointHealth();

    private sealed class Handle(ReceiveEndpointCollection endpoints, HostReceiveEndpointHandle[] handles) : RiderHandle
    {
        public Task Ready => Task.WhenAll(handles.Select(handle => handle.Ready));

        public Task StopAsync(CancellationToken cancellationToken) => endpoints.StopEndpoints(cancellationToken);
    }
}
