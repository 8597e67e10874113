using Brook.MassTransit.Testing;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace Brook.MassTransit.RabbitMq.Tests.Support;

/// <summary>One process, as an application would set it up; several of them share a broker and a store.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly IHost _host;
    private bool _stopped;

    private Node(IHost host) => _host = host;

    public IServiceProvider Services => _host.Services;
    public IBrook Brook => Services.GetRequiredService<IBrook>();
    public IBrookView View => Services.GetRequiredService<IBrookView>();
    public IParkedEvents Parked => Services.GetRequiredService<IParkedEvents>();
    public IBus Bus => Services.GetRequiredService<IBus>();
    public FakeLogCollector Logs => Services.GetFakeLogCollector();
    public RabbitMqLanes Lanes => (RabbitMqLanes)Services.GetRequiredKeyedService<BusBrook>("").Lanes!;
    public int ActiveLanes => Lanes.Active;

    public static async Task<Node> StartAsync(Uri broker, Action<BrookBuilder> brook, Action<IBusRegistrationConfigurator>? bus = null, CancellationToken? token = null)
    {
        var node = Create(broker, brook, bus);
        await node.StartAsync(token ?? TestContext.Current.CancellationToken);
        return node;
    }

    /// <summary>Not started yet.</summary>
    public static Node Create(Uri broker, Action<BrookBuilder> brook, Action<IBusRegistrationConfigurator>? bus = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddFakeLogging().SetMinimumLevel(LogLevel.Debug);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(20));
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(brook);
            bus?.Invoke(x);
            x.UsingRabbitMq((context, cfg) =>
            {
                cfg.Host(broker);
                cfg.ConfigureEndpoints(context);
            });
        });
        return new Node(builder.Build());
    }

    public Task StartAsync(CancellationToken cancellationToken) => BrookTestHarness.StartAsync(_host, cancellationToken);

    public async Task StopAsync()
    {
        _stopped = true;
        await _host.StopAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_stopped) await StopAsync();
        if (_host is IAsyncDisposable host) await host.DisposeAsync();
        else _host.Dispose();
    }
}
