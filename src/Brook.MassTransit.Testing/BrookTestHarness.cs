using Brook.Lanes;
using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Brook.MassTransit.Testing;

/// <summary>
/// One Brook instance of an application under test: events go through the real path, and the test sees what was sent, seeds and clears the view, and waits
/// without sleeping. Thread safe. Follows Brook's <c>Brook.Test</c>.
/// </summary>
public sealed class BrookTestHarness : IAsyncDisposable
{
    private readonly IHost? _host;
    private readonly IServiceProvider _services;
    private readonly string _instance;
    private readonly CapturingTransport _captured;
    private readonly SemaphoreSlim _seeding = new(1);

    internal BrookTestHarness(IServiceProvider services, string instance, CapturingTransport captured, IHost? host = null)
        => (_services, _instance, _captured, _host) = (services, instance, captured, host);

    /// <summary>How long a wait may take before it fails, in real time. Default: 30 seconds.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The application's services.</summary>
    public IServiceProvider Services => _services;

    /// <summary>Sends events as the application does.</summary>
    public IBrook Brook => _services.GetRequiredKeyedService<IBrook>(_instance);

    /// <summary>The view as the application reads it.</summary>
    public IBrookView View => _services.GetRequiredKeyedService<IBrookView>(_instance);

    /// <summary>The events that were set aside.</summary>
    public IParkedEvents Parked => _services.GetRequiredKeyedService<IParkedEvents>(_instance);

    /// <summary>The clock, where the harness was started with a fake one.</summary>
    /// <exception cref="InvalidOperationException">The application runs on the system's clock.</exception>
    public FakeTimeProvider Clock => _services.GetService<TimeProvider>() as FakeTimeProvider
        ?? throw new InvalidOperationException("The application runs on the system's clock. Register a FakeTimeProvider as its TimeProvider, or start the harness with one.");

    /// <summary>What the application and its handlers have sent so far, in the order of sending.</summary>
    public IReadOnlyList<SentEvent> Sent => _captured.Sent;

    /// <summary>Starts an application of its own with one instance on MassTransit's in-memory transport.</summary>
    /// <param name="configure">The instance: what <c>x.AddBrook</c> is given.</param>
    /// <param name="bus">More for the bus: consumers, other instances.</param>
    /// <param name="services">More services, fakes for the handlers for one. A <see cref="FakeTimeProvider"/> is the application's clock.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="BrookException">The setup is not valid.</exception>
    public static async Task<BrookTestHarness> StartAsync(Action<BrookBuilder> configure, Action<IBusRegistrationConfigurator>? bus = null, Action<IServiceCollection>? services = null, CancellationToken cancellationToken = default)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        services?.Invoke(builder.Services);
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(configure);
            bus?.Invoke(x);
            x.UsingInMemory((context, cfg) => cfg.ConfigureEndpoints(context));
        });
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddBrookTestHarness();
        var host = builder.Build();
        await StartAsync(host, cancellationToken).ConfigureAwait(false);
        return new(host.Services, "", host.Services.GetRequiredKeyedService<CapturingTransport>(""), host);
    }

    /// <summary>Starts a host outside the caller's flow: MassTransit keeps its logger in it, and a second host of one test would find the first one's.</summary>
    /// <param name="host">The host.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static Task StartAsync(IHost host, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(host);
        using (ExecutionContext.SuppressFlow()) return Task.Run(() => host.StartAsync(cancellationToken), cancellationToken);
    }

    /// <summary>Sends one event and waits until it is applied or set aside. Follows <c>Brook.Test.send</c>.</summary>
    /// <exception cref="TimeoutException">Neither happened within <see cref="Patience"/>.</exception>
    public async Task<WaitResult> SendAsync<T>(string type, T data, string? key = null, CancellationToken cancellationToken = default)
        => await AppliedAsync(await Brook.SendAsync(type, data, key, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>Sends events and waits until all are applied, or some set aside.</summary>
    /// <exception cref="TimeoutException">Neither happened within <see cref="Patience"/>.</exception>
    public async Task<WaitResult> SendAsync(IEnumerable<BrookEvent> events, CancellationToken cancellationToken = default)
        => await AppliedAsync(await Brook.SendManyAsync(events, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>Changes the view as a handler would, with an event that no handler sees: to seed a view. Follows <c>Brook.Test.with_event</c>.</summary>
    /// <exception cref="InvalidOperationException">A change failed; the message says why.</exception>
    public Task WithEventAsync(Changes changes, CancellationToken cancellationToken = default) => WithEventAsync(new BrookEvent<string>("test:event", "test"), _ => changes, cancellationToken);

    /// <summary>As the other, with the event that the log shows.</summary>
    /// <exception cref="InvalidOperationException">A change failed; the message says why.</exception>
    public async Task WithEventAsync<T>(BrookEvent<T> e, Func<BrookEvent<T>, Changes> handle, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(e);
        ArgumentNullException.ThrowIfNull(handle);
        using var one = await OneAtATimeAsync(cancellationToken).ConfigureAwait(false);
        var engine = Engine.With(e.Type, handle);
        var now = engine.Now;
        var lane = await engine.OpenLaneAsync("$test/with-event", LaneGuard.Offsets, cancellationToken).ConfigureAwait(false);
        await using (lane.ConfigureAwait(false))
        {
            var envelope = new EventEnvelope { Id = Guid.CreateVersion7(), Type = e.Type, Author = e.Author.Length == 0 ? "test" : e.Author, CreatedAt = e.CreatedAt == default ? now : e.CreatedAt, Key = e.Key, Headers = e.Headers, Message = e.Data, Position = new EventPosition(lane.Name, lane.NextOffset) };
            var result = await lane.ProcessAsync(new[] { envelope }, cancellationToken).ConfigureAwait(false);
            if (result is { Outcome: BatchOutcome.Committed, SetAside: 0 }) return;
            if (result.Outcome != BatchOutcome.Committed) throw new InvalidOperationException($"The changes could not be made: somebody else seeds the same view ({result.Outcome}).");
        }
        await foreach (var parked in Parked.ListAsync(cancellationToken: cancellationToken).ConfigureAwait(false))
            if (parked.Position.Lane == lane.Name) throw new InvalidOperationException($"The changes could not be made: {parked.Error}");
    }

    /// <summary>Removes every entry of a collection, with the logs. Follows <c>Brook.Test.clear_view_state</c>.</summary>
    public async Task ClearAsync<T>(ViewCollection<T> collection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(collection);
        await WhenIdleAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var page = await Engine.Store.ReadPageAsync(collection.Name, "", null, 500, cancellationToken).ConfigureAwait(false);
            if (page.Entries.Count == 0) return;
            var commit = new Commit(Commit.NewVersion());
            foreach (var (key, _) in page.Entries) commit.Add(new CommitEntry(new EntryKey(collection.Name, key), EntryAction.Delete, null));
            await Engine.Store.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends when every sent event is handled, and what handlers sent as well. Woken by the commits, no polling.</summary>
    /// <exception cref="TimeoutException">That did not happen within <see cref="Patience"/>.</exception>
    public async Task WhenIdleAsync(CancellationToken cancellationToken = default)
    {
        var idle = _services.GetRequiredKeyedService<BusBrook>(_instance).WhenAllIdleAsync(cancellationToken);
        try
        {
            await idle.WaitAsync(Patience, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            var instance = _services.GetRequiredKeyedService<BusBrook>(_instance);
            throw new TimeoutException($"After {Patience} the instance is not idle: {instance.Backlog.Unhandled + instance.Feed.Backlog.Unhandled} event(s) are not handled and {Engine.InOutbox} are in the outbox. Is a handler stuck, or a fake clock to be moved on?");
        }
    }

    /// <summary>Stops the application, where the harness started it.</summary>
    public async ValueTask DisposeAsync()
    {
        _seeding.Dispose();
        if (_host is null) return;
        await _host.StopAsync().ConfigureAwait(false);
        if (_host is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync().ConfigureAwait(false);
        else _host.Dispose();
    }

    private async Task<IDisposable> OneAtATimeAsync(CancellationToken cancellationToken)
    {
        await _seeding.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Release(_seeding);
    }

    private sealed class Release(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }

    private BrookEngine Engine => _services.GetRequiredKeyedService<BrookEngine>(_instance);

    private async Task<WaitResult> AppliedAsync(Receipt receipt, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            return await View.WaitForAsync(receipt, Timeout.InfiniteTimeSpan, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"After {Patience} the sent event is neither applied nor set aside. Is a handler stuck, or a fake clock to be moved on?");
        }
    }
}

/// <summary>An event that the application or one of its handlers has sent.</summary>
/// <param name="Id">The event's id.</param>
/// <param name="Type">What happened.</param>
/// <param name="Key">What order is kept by; null: none.</param>
/// <param name="Author">Who sent it.</param>
/// <param name="CreatedAt">When it happened.</param>
/// <param name="Headers">Its headers, never null.</param>
/// <param name="Json">The event as it travels: JSON in UTF-8.</param>
public sealed record SentEvent(Guid Id, string Type, string? Key, string Author, DateTimeOffset CreatedAt, IReadOnlyDictionary<string, string> Headers, ReadOnlyMemory<byte> Json);
