using System.Globalization;
using Brook.Storage;
using Brook.Testing;
using Brook.Lanes;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Brook.Faults;

/// <summary>
/// The node of a trial in this process, which sends and reads: a host as any application's, over a store that fails as told (<see cref="FaultyViewStore"/> of the test kit). It can be stopped and
/// started; each start opens the store anew. In some trials a second instance reads the same stream into a view of its own.
/// </summary>
internal sealed class LocalNode : IAsyncDisposable
{
    private readonly Transport _transport;
    private readonly Store _store;
    private readonly BusOrders _orders;
    private readonly LocalFault _fault;
    private readonly StoreHost? _second;
    private readonly Func<IViewStore, IViewStore> _remove;
    private readonly List<string> _log = [];
    private readonly Lock _lock = new();
    private IHost? _host;
    private Retries? _retries;
    private Counting? _counting;
    private long _fenced, _commits, _conflicts, _failures, _faults;

    public LocalNode(Transport transport, Store store, StoreHost? second, BusOrders orders, LocalFault fault)
    {
        (_transport, _store, _second, _orders, _fault) = (transport, store, second, orders, fault);
        _remove = orders.Without is { } name ? transport.Guards.First(guard => guard.Name == name).Remove ?? (inner => inner) : inner => inner;
    }

    public Health Health { get; } = new();

    /// <summary>The store of the host that runs now.</summary>
    public FaultyViewStore Faulty { get; private set; } = null!;

    public IBrook Brook => _host!.Services.GetRequiredService<IBrook>();

    public IBus Bus => _host!.Services.GetRequiredService<IBus>();

    /// <summary>How many calls of the store have failed as they were told.</summary>
    public long Faults => _faults + Faulty.Faults;

    /// <summary>The second instance's view; null: there is none.</summary>
    public string? Second => _second?.Direct;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        Faulty = new FaultyViewStore(new SlowStore(_store.Open(_orders.Place, timeout: 5_000), _orders.Slow));
        _counting = new Counting(_remove(Faulty));
        var second = _second is null ? null : new SlowStore(_remove(_store.Open(_second.Place, timeout: 5_000)), _orders.Slow);
        var host = BusWorker.Host(_transport, _orders.Broker, _orders.Tuning, _orders.Partitions, Tell, Hear, Health, brook => Configure(brook, _counting), second is null ? [] : [("second", brook => Configure(brook, second))]);
        Task starting;
        using (ExecutionContext.SuppressFlow()) starting = Task.Run(() => host.StartAsync(cancellationToken), cancellationToken);     // MassTransit keeps what it logs to in the flow of execution
        await starting;
        lock (_lock) (_host, _retries) = (host, new(host.Services.GetRequiredService<IParkedEvents>, Tell));
    }

    /// <summary>As when it is deployed anew.</summary>
    public async Task StopAsync()
    {
        Retries? retries;
        lock (_lock) (retries, _retries) = (_retries, null);
        if (retries is null) return;
        await retries.DisposeAsync();
        await _host!.StopAsync(CancellationToken.None);
        if (_host is IAsyncDisposable host) await host.DisposeAsync();
        else _host.Dispose();
        _faults += Faulty.Faults;
        Faulty = new FaultyViewStore(new InMemoryViewStore());
        Count();
    }

    /// <summary>Tries all that is set aside.</summary>
    public void Retry()
    {
        lock (_lock) _retries?.Begin();
    }

    /// <summary>Another process claims a lane, and does nothing with it: the node finds out when it commits.</summary>
    public async Task ClaimAsync(int partition, CancellationToken cancellationToken)
    {
        var services = new ServiceCollection().AddSingleton(Health);
        BrookBuilder.Register(services, "", brook => View.AddHandlers(brook, Health).UseStore(_ => _store.Open(_orders.Place, timeout: 5_000)));
        await using var provider = services.BuildServiceProvider();
        await using var lane = await provider.GetRequiredKeyedService<BrookEngine>("").OpenLaneAsync(Feed.Lane(partition), _transport.Feed.Guard, cancellationToken);
    }

    public (long Commits, long Conflicts, long Failures, long Fenced) Count()
    {
        var (commits, conflicts, failures) = _counting!.Take();
        return (_commits += commits, _conflicts += conflicts, _failures += failures, Interlocked.Read(ref _fenced));
    }

    public string LogTail(int lines)
    {
        lock (_log) return string.Join('\n', _log.TakeLast(lines));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_second is not null) await _second.DisposeAsync();
    }

    private void Configure(BrookBuilder brook, IViewStore store)
    {
        (brook.Options.BatchEvents, brook.Options.HandlerAttempts, brook.Options.RetryDelay) = (_orders.BatchEvents, 1, TimeSpan.FromMilliseconds(10));
        Retries.ByThemselves(brook.Options, _orders.RetryAfter);
        View.AddHandlers(brook, Health).UseStore(_ => store);
        _fault.Configure(brook);
    }

    private void Tell(string line)
    {
        lock (_log) _log.Add(line);
    }

    private void Hear(EventId id, IReadOnlyList<KeyValuePair<string, object?>> values)
    {
        if (_transport.Hear(id.Name!, values) == "fenced") Interlocked.Increment(ref _fenced);
    }
}
