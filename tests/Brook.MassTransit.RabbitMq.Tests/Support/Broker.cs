using Brook.MassTransit.RabbitMq.Tests.Support;
using Brook.TestServers;

[assembly: AssemblyFixture(typeof(Broker))]

namespace Brook.MassTransit.RabbitMq.Tests.Support;

/// <summary>One real broker for all tests that do not hurt it; each test has a virtual host of its own.</summary>
public sealed class Broker : IAsyncLifetime
{
    private RabbitMqServer? _server;
    private int _hosts;

    public RabbitMqServer Server
    {
        get
        {
            Assert.SkipWhen(Servers.SkipReason(RabbitMqServer.WhyNot) is { }, RabbitMqServer.WhyNot ?? "");
            return _server!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (RabbitMqServer.WhyNot is null) _server = await RabbitMqServer.StartAsync();
    }

    /// <summary>A virtual host with nothing in it.</summary>
    public Task<Uri> NewHostAsync() => Server.AddVirtualHostAsync($"host{Interlocked.Increment(ref _hosts)}");

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? default;
}
