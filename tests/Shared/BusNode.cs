using Brook.MassTransit.Testing;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace Brook.MassTransit.Tests.Shared;

/// <summary>One process, as an application would set it up; several of them share a broker and a store.</summary>
internal abstract class BusNode(Action<IBusRegistrationConfigurator> bus) : IAsyncDisposable
{
    private readonly IHost _host = HostOf(bus);
    private bool _stopped;

    public IServiceProvider Services => _host.Services;
    public IBrook Brook => Services.GetRequiredService<IBrook>();
    public IBrookView View => Services.GetRequiredService<IBrookView>();
    public IParkedEvents Parked => Services.GetRequiredService<IParkedEvents>();
    public FakeLogCollector Logs => Services.GetFakeLogCollector();

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

    private static IHost HostOf(Action<IBusRegistrationConfigurator> bus)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddFakeLogging().SetMinimumLevel(LogLevel.Debug);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(20));
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddMassTransit(bus);
        return builder.Build();
    }
}
