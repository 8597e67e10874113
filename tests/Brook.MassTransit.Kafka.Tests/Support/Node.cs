using Brook.MassTransit.Testing;
using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace Brook.MassTransit.Kafka.Tests.Support;

/// <summary>One process, as an application would set it up, on a bus in its own memory.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly IHost _host;
    private bool _stopped;

    private Node(IHost host) => _host = host;

    public IServiceProvider Services => _host.Services;
    public IBrook Brook => Services.GetRequiredService<IBrook>();
    public IBrookView View => Services.GetRequiredService<IBrookView>();
    public IParkedEvents Parked => Services.GetRequiredService<IParkedEvents>();
    public IBusControl Bus => Services.GetRequiredService<IBusControl>();
    public FakeLogCollector Logs => Services.GetFakeLogCollector();
    public KafkaReader Reader => ((KafkaDriver)Services.GetRequiredKeyedService<BusBrook>("").Driver!).Reader!;

    /// <summary>A node on topic 'stream' whose view is in a store that nodes may share.</summary>
    public static Task<Node> StartAsync(string bootstrapServers, IViewStore store, Action<BrookBuilder>? brook = null, Action<KafkaBuilder>? kafka = null)
        => StartAsync(b => OnKafka(b.UseShared(store), bootstrapServers, brook, kafka));

    public static async Task<Node> StartAsync(Action<BrookBuilder> brook)
    {
        var node = Create(brook);
        await node.StartAsync(TestContext.Current.CancellationToken);
        return node;
    }

    /// <summary>Not started yet.</summary>
    public static Node Create(Action<BrookBuilder> brook, Action<IBusRegistrationConfigurator>? bus = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddFakeLogging().SetMinimumLevel(LogLevel.Debug);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(20));
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(brook);
            bus?.Invoke(x);
            x.UsingInMemory();
        });
        return new Node(builder.Build());
    }

    public static void OnKafka(BrookBuilder brook, string bootstrapServers, Action<BrookBuilder>? more = null, Action<KafkaBuilder>? kafka = null)
    {
        brook.UseKafka(bootstrapServers, k =>
        {
            k.Topic("stream").Group("view").Fast();
            kafka?.Invoke(k);
        });
        if (more is null) brook.Count();
        else more(brook);
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
