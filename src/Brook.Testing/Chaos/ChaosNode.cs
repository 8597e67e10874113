using Brook.Lanes;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Brook.Testing;

/// <summary>One process: handlers made anew, a view of the store, and the lanes it has opened.</summary>
internal sealed class ChaosNode : IAsyncDisposable
{
    private readonly ServiceProvider _provider;
    private readonly LaneGuard _guard;
    private readonly Dictionary<int, Lane> _lanes = [];

    private ChaosNode(ServiceProvider provider, ChaosStore store, LaneGuard guard) => (_provider, Store, _guard) = (provider, store, guard);

    public ChaosStore Store { get; }

    public BrookEngine Engine => _provider.GetRequiredKeyedService<BrookEngine>("");

    public static ChaosNode Start(Action<BrookBuilder> configure, IViewStore store, TimeProvider clock, CallLimit limit, Poison? poison = null, LaneGuard guard = LaneGuard.Offsets, int batchEvents = ChaosPlan.Uncut)
    {
        var (services, seen) = (new ServiceCollection().AddSingleton<ILoggerFactory>(limit), new ChaosStore(store, limit));
        BrookBuilder.Register(services, "", brook =>
        {
            brook.Options.Author = "chaos";
            configure(brook);
            brook.UseStore(_ => seen);
            (brook.Options.RetryDelay, brook.Options.ParkedRetryDelay) = (TimeSpan.Zero, TimeSpan.Zero);       // a retry by itself would be a step that the plan does not know
            (brook.Options.HandlerTimeout, brook.Options.BatchEvents) = (ChaosClock.HandlerTimeout, batchEvents);
            services.AddSingleton(clock);                       // also where the application has another: time is the trial's
            if (poison is null) return;
            services.AddSingleton(poison);
            brook.AddHandler<PoisonHandler>();
        });
        return new(services.BuildServiceProvider(), seen, guard);
    }

    public static string LaneName(int lane) => $"chaos/{lane}";

    public async ValueTask<Lane> OpenAsync(int lane, CancellationToken cancellationToken)
        => _lanes.TryGetValue(lane, out var open) ? open : _lanes[lane] = await Engine.OpenLaneAsync(LaneName(lane), _guard, cancellationToken);

    public ValueTask DisposeAsync() => _provider.DisposeAsync();
}
