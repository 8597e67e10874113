using System.Collections.Concurrent;
using Brook.Storage;
using Microsoft.Extensions.Logging;

namespace Brook.Lanes;

/// <summary>One instance's handlers and view. A transport opens a lane per partition it was given. Thread safe.</summary>
public sealed class BrookEngine : IAsyncDisposable, IDisposable
{
    private const int MaxUnknownTypes = 1000;
    private readonly ConcurrentDictionary<string, Lane> _lanes = new();
    private readonly ConcurrentDictionary<string, Retrier> _retriers = new();
    private readonly ConcurrentDictionary<string, bool> _unknownTypes = new();
    private int _unknownCount;              // a concurrent dictionary's own count takes all its locks
    private readonly ConcurrentDictionary<string, LaneProgress> _progress = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly List<Task> _running = [];
    private readonly SemaphoreSlim _starting = new(1);
    private readonly Lazy<IBrookTransport?> _transport;
    private bool _started, _ended;
    private TaskCompletionSource _outboxEmpty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _inOutbox;

    internal BrookEngine(string name, BrookOptions options, EventTypes types, IViewStore store, IBrookSerializer serializer, Func<IBrookTransport?> transport, TimeProvider time, ILogger logger)
    {
        (Name, Options, Types, Store, Serializer, Time, Logger) = (name, options, types, store, serializer, time, logger);
        _transport = new(transport);
        Status = new StatusReader(name, options, this, () => Transport, time);
    }

    /// <summary>The instance's name; empty for the default one.</summary>
    public string Name { get; }

    /// <summary>Events that handlers have sent and the transport does not have yet.</summary>
    public long InOutbox => Interlocked.Read(ref _inOutbox);

    /// <summary>Events that the lanes open in this process have set aside, as far as it knows; <see cref="IParkedEvents.CountAsync"/> asks the store, and counts those of all lanes.</summary>
    public long Parked => _lanes.Values.Sum(lane => (long)lane.Held.Count);

    /// <summary>Where the view is kept: for maintenance and tools. What is written here is no event: lanes take it for another writer's.</summary>
    public IViewStore Store { get; }

    internal string DisplayName => Names.OfInstance(Name);
    /// <summary>How it is.</summary>
    internal StatusReader Status { get; }

    /// <summary>The lanes that this process has open.</summary>
    internal ICollection<Lane> OpenLanes => _lanes.Values;

    internal DateTimeOffset Now => Time.GetUtcNow();
    internal BrookOptions Options { get; }
    internal EventTypes Types { get; }
    internal IBrookSerializer Serializer { get; }
    internal IBrookTransport? Transport => _transport.Value;
    internal TimeProvider Time { get; }
    internal ILogger Logger { get; }

    /// <summary>The event type that <typeparamref name="T"/> is mapped to.</summary>
    /// <exception cref="BrookException">It is mapped to none.</exception>
    public string TypeOf<T>() => Types.NameOf(typeof(T)) ?? throw new BrookException($"{typeof(T).Name} is mapped to no event type of Brook instance '{DisplayName}'. Add brook.Event<{typeof(T).Name}>(), or a handler of it.");

    /// <summary>
    /// Opens a lane. With one owner it is claimed: whoever held it before is fenced from now on. Waits while the store is away, and says what for.
    /// </summary>
    /// <param name="name">stream/partition, the same on every node.</param>
    /// <param name="guard">What makes its events happen once.</param>
    /// <param name="cancellationToken">The host stops.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<Lane> OpenLaneAsync(string name, LaneGuard guard, CancellationToken cancellationToken)
        => OpenLaneAsync(name, guard, guard == LaneGuard.Offsets ? LaneSource.FromZero : null, cancellationToken);

    /// <summary>Opens a lane whose source counts offsets (<see cref="LaneGuard.Offsets"/>), as the other.</summary>
    /// <param name="name">stream/partition, the same on every node.</param>
    /// <param name="source">Where a lane that was never read begins, and what the offsets count in.</param>
    /// <param name="cancellationToken">The host stops.</param>
    /// <exception cref="BrookException">The lane was read from another source of that name.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<Lane> OpenLaneAsync(string name, LaneSource source, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        return OpenLaneAsync(name, LaneGuard.Offsets, source, cancellationToken);
    }

    private async ValueTask<Lane> OpenLaneAsync(string name, LaneGuard guard, LaneSource? source, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        await WaitForStoreAsync(name, cancellationToken).ConfigureAwait(false);
        var lane = new Lane(this, name, guard, source);
        try
        {
            await lane.OpenAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await lane.DisposeAsync().ConfigureAwait(false);        // its outbox may be sending already
            throw;
        }
        _lanes[name] = lane;
        if (Transport is not null) Status.Watch();
        return lane;
    }

    /// <summary>Runs the handlers on events that another node has applied (<see cref="BrookEvent.Forwarded"/>): one attempt each, changes are not kept, a failure is logged.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask ObserveAsync(ReadOnlyMemory<EventEnvelope> received, CancellationToken cancellationToken)
    {
        var forwarded = new ForwardedEvents(this);
        for (var i = 0; i < received.Length; i++) await forwarded.HandleAsync(received.Span[i], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends when the transport has all events that handlers have sent.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask WhenOutboxEmptyAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var empty = Volatile.Read(ref _outboxEmpty).Task;
            if (InOutbox == 0) return;
            await empty.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Starts the store once; a failure is thrown, and the next call tries again.</summary>
    internal async ValueTask StartStoreAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _started)) return;
        await _starting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_started) return;
            await Store.StartAsync(cancellationToken).ConfigureAwait(false);
            if (await ViewStoreCopying.IsUnfinishedAsync(Store, cancellationToken).ConfigureAwait(false))
                throw new BrookException("The store holds a copy of a view that was not finished (CopyToAsync). Begin the copy again from its source, or clear the store.");
            Volatile.Write(ref _started, true);
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>The same view and options with one function as its handlers: to seed a view in tests.</summary>
    internal BrookEngine With<T>(string type, Func<BrookEvent<T>, Changes> handle)
    {
        var step = new HandlerStep(e => handle((BrookEvent<T>)e), null, type);
        return new(Name, Options, new EventTypes([new EventType<T>(type, null, [step], Options.LogLimitOf(type))], [], Options), Store, Serializer, () => null, Time, Logger);
    }

    /// <summary>One for each lane name while somebody holds it, also before the lane is open here and over its owners: who waits stays. To be released.</summary>
    internal LaneProgress HoldProgress(string lane)
    {
        while (true)
        {
            var progress = _progress.GetOrAdd(lane, static (name, engine) => new LaneProgress(engine, name), this);
            if (progress.TryHold()) return progress;
            _progress.TryRemove(new(lane, progress));
        }
    }

    internal void Release(LaneProgress progress)
    {
        if (progress.Release()) _progress.TryRemove(new(progress.Lane, progress));
    }

    internal async Task<WaitResult> WaitAsync(IGrouping<string, ReceiptSpan> lane, CancellationToken cancellationToken)
    {
        ReceiptSpan[] spans = [.. lane];
        var progress = HoldProgress(lane.Key);
        try
        {
            var result = await progress.WaitAsync(spans, cancellationToken).ConfigureAwait(false);
            if (result != WaitResult.SetAside || LaneOf(lane.Key) is not { } open) return result;
            return await open.HasSetAsideAsync(spans, cancellationToken).ConfigureAwait(false) ? WaitResult.SetAside : WaitResult.Applied;
        }
        finally
        {
            Release(progress);
        }
    }

    /// <summary>Runs while the engine does: ended, and waited for, before the store is.</summary>
    internal void Run(Func<CancellationToken, Task> work)
    {
        lock (_running)
        {
            if (_ended) return;
            _running.RemoveAll(static task => task.IsCompleted);
            _running.Add(Task.Run(() => work(_ending.Token)));
        }
    }

    /// <summary>The lane, when it is open in this process.</summary>
    internal Lane? LaneOf(string name) => _lanes.GetValueOrDefault(name);

    /// <summary>Who works on what that lane has set aside, whoever holds it.</summary>
    internal Retrier RetrierOf(string lane) => _retriers.GetOrAdd(lane, static (lane, engine) => new Retrier(engine, lane), this);

    internal bool IsNewUnknownType(string type)
    {
        Telemetry.Unknown(DisplayName);
        return Volatile.Read(ref _unknownCount) < MaxUnknownTypes && _unknownTypes.TryAdd(type, true) && Interlocked.Increment(ref _unknownCount) > 0;
    }

    internal void OutboxChanged(int by)
    {
        if (Interlocked.Add(ref _inOutbox, by) == 0) Interlocked.Exchange(ref _outboxEmpty, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    internal void Closed(Lane lane, LaneProgress progress, LaneAnswers answers)
    {
        _lanes.TryRemove(new(lane.Name, lane));
        progress.Closed(answers);
        Release(progress);
    }

    /// <summary>As <see cref="DisposeAsync"/>, which is to be preferred: the tasks' ends are not waited for.</summary>
    public void Dispose() => _ = DisposeAsync().AsTask();

    /// <summary>Ends the lanes' own tasks, then the store, if it can be disposed of.</summary>
    public async ValueTask DisposeAsync()
    {
        Status.Dispose();
        foreach (var lane in _lanes.Values) await lane.DisposeAsync().ConfigureAwait(false);
        foreach (var retrier in _retriers.Values) await retrier.DisposeAsync().ConfigureAwait(false);
        lock (_running) _ended = true;
        await _ending.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running).ConfigureAwait(false);
        if (Store is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync().ConfigureAwait(false);
        else (Store as IDisposable)?.Dispose();
        _starting.Dispose();
    }

    private async ValueTask WaitForStoreAsync(string lane, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await StartStoreAsync(cancellationToken).ConfigureAwait(false);
                if (attempt > 1) Log.StoreBack(Logger, lane);
                return;
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                PatientStore.LogFailure(Logger, lane, attempt, e);
                await Task.Delay(Backoff.Until(attempt, Options.RetryDelay, TimeSpan.FromSeconds(5)), Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
