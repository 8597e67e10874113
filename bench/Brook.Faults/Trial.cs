// Start reading here: one trial, from an empty store to the comparison with the clean fold.
using System.Diagnostics;

namespace Brook.Faults;

/// <summary>What became of a trial.</summary>
internal sealed record Outcome(int Seed, int Injected, long Events, long TakenBack, long Commits, long Conflicts, long Failures, long Fenced, long Moved, long Reads, long Lost, long Doubled, long OutOfOrder, long Half, long Wrong, string? Stuck, IReadOnlyList<string> Differences, TimeSpan Took)
{
    /// <summary>Events that were set aside, whatever became of them.</summary>
    public long Parked { get; init; }

    /// <summary>Those of them that are in the view now, some after they were replaced.</summary>
    public long Released { get; init; }

    /// <summary>Those that were given up.</summary>
    public long Skipped { get; init; }

    /// <summary>Those that were replaced.</summary>
    public long Replaced { get; init; }

    public bool IsExact => Stuck is null && Lost + Doubled + OutOfOrder + Half + Wrong == 0;
}

/// <summary>Workers, a store and a feed that run while a <see cref="Fault"/> does its worst.</summary>
internal sealed class Trial : ITrial
{
    public const int Partitions = 4;
    private const int Workers = 2, Tail = 15;
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);
    private readonly WorkerPool _pool;
    private readonly Fault _fault;
    private readonly Feed _feed;
    private readonly Events _events;
    private readonly Orders _orders;
    private readonly List<WorkerProcess> _workers = [];
    private bool _healed;

    private Trial(WorkerPool pool, Store store, StoreHost host, Fault fault, Feed feed, int seed, Guard? without)
    {
        (_pool, Host, _fault, _feed, Random) = (pool, host, fault, feed, new Random(seed));
        _orders = new(seed, store.Name, host.Place, feed.Name, without?.Name, fault.Together, fault.Repeats, Copies: !fault.Rewinds || feed == Feed.Offsets, Mending.RetryAfter(seed));     // of a message that is gone in part nobody could tell which events are the copies'
        _events = _orders.Events();
        Broker = new(_events, feed, Partitions, seed, fault.Repeats && feed == Feed.Messages);
    }

    public StoreHost Host { get; }
    public Broker Broker { get; }
    public Random Random { get; }

    /// <summary>How often the fault did something.</summary>
    public int Injected { get; set; }

    /// <summary>Events that the store had confirmed and lost: told, not made good.</summary>
    private long TakenBack { get; set; }

    /// <summary>Those that were not killed.</summary>
    public IReadOnlyList<WorkerProcess> Alive => _workers;

    public WorkerProcess AnyWorker => _workers[Random.Next(_workers.Count)];

    public static async Task<Outcome> RunAsync(WorkerPool pool, Store store, Fault fault, Feed feed, int seed, Guard? without, CancellationToken cancellationToken)
    {
        await using var host = await store.StartAsync(fault.Needs, cancellationToken);
        return await new Trial(pool, store, host, fault, feed, seed, without).RunAsync(store, without, cancellationToken);
    }

    private async Task<Outcome> RunAsync(Store store, Guard? without, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var view = store.Open(Host.Direct);
        await using var _ = (IAsyncDisposable)view;
        var watcher = new Watcher(view, Partitions, _fault.Rewinds);
        var clean = new CleanFold();
        var check = new Check(view, clean);
        var rows = store.Open(Host.Direct, timeout: 10_000);
        await using var releaser = new Releaser(without?.Remove?.Invoke(rows) ?? rows, _events, _orders.Seed, asBytes: true);
        await using var mending = new Mending(this, releaser, _orders.Seed, isAblated: without is not null);
        string? stuck = null;
        var parked = 0L;
        using var watch = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = Task.CompletedTask;
        try
        {
            for (var i = 0; i < Workers; i++) await AddWorkerAsync();
            for (var p = 0; p < Partitions; p++) Broker.Give(p, _workers[p % Workers]);
            await UntilAsync(() => Broker.IsEverywhere, "the first events", cancellationToken);
            watching = watcher.RunAsync(watch.Token);
            mending.Begin();
            await _fault.InjectAsync(this, cancellationToken);
            Broker.Finish(Tail);
            await UntilAsync(() => Broker.IsDone, "the last events", cancellationToken);
            await mending.FinishAsync(s_deadline, cancellationToken);
        }
        catch (Exception e) when (e is StuckException or TimeoutException or InvalidOperationException) { stuck = e.Message; }
        await mending.EndAsync();
        await watch.CancelAsync();
        await watching;
        foreach (var worker in _workers)
            if (!await _pool.GiveBackAsync(worker)) stuck ??= $"a worker did not end. It said last:\n{worker.LogTail()}";
        if (stuck is null)
        {
            await view.StartAsync(cancellationToken);       // a trial may be over before the watcher's start was
            for (var p = 0; p < Partitions; p++) await FoldAsync(check, clean, p, cancellationToken);
            await check.RunAsync(cancellationToken);
            parked = await Check.SetAsideAsync(view, Partitions, cancellationToken);
            if (without is null) check.Left(await releaser.CountAsync(cancellationToken));
            if (watcher.Half > 0) check.Differences.Add($"{watcher.Half} reads of {watcher.Reads} saw an event in part");
            if (watcher.Backwards > 0) check.Differences.Add($"{watcher.Backwards} reads saw an older state than one before");
        }
        return new(_orders.Seed, Injected, clean.Applied, TakenBack, Broker.Commits, Broker.Conflicts, Broker.Failures, Broker.Fenced, Broker.Moved, watcher.Reads, check.Lost, check.Doubled, check.OutOfOrder + watcher.Backwards, watcher.Half, check.Wrong, stuck, check.Differences, Stopwatch.GetElapsedTime(started))
        {
            Parked = parked, Released = Math.Max(0, parked - clean.Skipped - clean.Parked.Count), Skipped = clean.Skipped, Replaced = clean.Replaced,
        };
    }

    /// <summary>
    /// What the view must hold of a partition: all that was delivered. A store that has lost confirmed messages must hold all but those (of one that was committed in parts, the first
    /// parts may be there), and somebody must have said so.
    /// </summary>
    private async Task FoldAsync(Check check, CleanFold clean, int partition, CancellationToken cancellationToken)
    {
        var (events, messages) = Broker.Delivered(partition);
        var (offsets, done) = (Enumerable.Range(0, (int)events), messages.Count);
        if (_fault.Rewinds && _feed == Feed.Messages)
        {
            var (known, there) = (await check.KnownAsync(partition, cancellationToken), await check.TracesAsync(partition, cancellationToken));
            var kept = messages.Select(message => (message.First, Count: _events.SizeOf(partition, message.Number), IsKnown: known.Contains(_events.IdOf(partition, message.Number))))
                .Select(message => message.IsKnown ? message : message with { Count = Enumerable.Range(0, message.Count).LastOrDefault(i => there.Contains(message.First + i), -1) + 1 }).ToList();
            (offsets, done) = (kept.SelectMany(message => Enumerable.Range((int)message.First, message.Count)), kept.Count(message => message.IsKnown));
            if (done < messages.Count && !Broker.Alarms.Contains(partition)) check.Unnoticed(partition, messages.Count - done);
            TakenBack += events - kept.Sum(message => message.Count);
        }
        clean.Add(_events, partition, offsets);
        if (_orders.Without is null) await check.PositionAsync(_feed, partition, events, done, cancellationToken);
    }

    // For faults.

    /// <inheritdoc/>
    public void DataIsGone()
    {
        for (var p = 0; p < Partitions; p++) Broker.Alarms.Add(p);
    }

    /// <summary>A moment while the trial is in full run: after some more events, and a little later.</summary>
    public async Task MomentAsync(CancellationToken cancellationToken)
    {
        var target = Broker.Progress + Random.Next(10, 60);
        await UntilAsync(() => Broker.Progress >= target, "some more events", cancellationToken);
        await this.PauseAsync(15, cancellationToken);
    }

    /// <summary>As a moment, but no longer than this: nobody may be able to go on.</summary>
    public async Task MomentAsync(TimeSpan most, CancellationToken cancellationToken)
    {
        var (target, started) = (Broker.Progress + Random.Next(10, 60), Stopwatch.GetTimestamp());
        await UntilAsync(() => Broker.Progress >= target || Stopwatch.GetElapsedTime(started) >= most, "some more events", cancellationToken);
    }

    /// <summary>kill -9; somebody new comes, and the lanes go to whoever is there.</summary>
    public async Task KillWorkerAsync(WorkerProcess worker)
    {
        var lanes = Broker.LanesOf(worker);
        lock (_workers) _workers.Remove(worker);
        await worker.KillAsync();
        await worker.DisposeAsync();
        await AddWorkerAsync();
        foreach (var lane in lanes) Broker.Give(lane, AnyWorker);
        Injected++;
    }

    /// <inheritdoc/>
    public void Heal()
    {
        lock (_workers)
        {
            _healed = true;
            foreach (var worker in _workers) worker.Say("heal 0");
        }
    }

    /// <inheritdoc/>
    public void Retry()
    {
        lock (_workers) _workers.FirstOrDefault()?.Say("retry 0");
    }

    /// <summary>Waits until something has become true.</summary>
    /// <exception cref="StuckException">It has not, or a worker failed.</exception>
    public async Task UntilAsync(Func<bool> condition, string what, CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(2, cancellationToken))
        {
            if (Broker.Failure is { } failure) throw new StuckException($"a worker failed: {failure}");
            if (Stopwatch.GetElapsedTime(started) > s_deadline) throw new StuckException($"waited {s_deadline.TotalSeconds} s in vain for {what}. Workers said last:\n{string.Join('\n', _workers.Select(worker => worker.LogTail()))}");
        }
    }

    private async Task AddWorkerAsync()
    {
        var worker = await _pool.TakeAsync();
        lock (_workers)
        {
            worker.Begin(_orders, Broker.Hear);
            if (_healed) worker.Say("heal 0");
            _workers.Add(worker);
        }
    }
}

/// <summary>What a fault of the store does with a trial, whatever brings the events.</summary>
internal interface ITrial
{
    Random Random { get; }
    int Injected { get; set; }
    IReadOnlyList<WorkerProcess> Alive { get; }

    Task MomentAsync(CancellationToken cancellationToken);
    Task KillWorkerAsync(WorkerProcess worker);
    Task UntilAsync(Func<bool> condition, string what, CancellationToken cancellationToken);

    /// <summary>Handlers that fail for a while work from now on, of those who come later too.</summary>
    void Heal();

    /// <summary>Somebody with lanes tries all that is set aside.</summary>
    void Retry();

    /// <summary>The store has lost all, and the workers have said so.</summary>
    void DataIsGone();
}

/// <summary>For faults.</summary>
internal static class TrialExtensions
{
    /// <summary>Up to so many milliseconds.</summary>
    public static Task PauseAsync(this ITrial trial, int most, CancellationToken cancellationToken) => Task.Delay(TimeSpan.FromMilliseconds(most * trial.Random.NextDouble()), cancellationToken);
}

/// <summary>The trial does not go on.</summary>
internal sealed class StuckException(string message) : Exception(message);
