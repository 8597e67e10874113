// One trial over a transport, from an empty place of its broker to the comparison with the clean fold.
using System.Collections.Concurrent;
using System.Diagnostics;
using Brook.Storage;

namespace Brook.Faults;

/// <summary>Workers, a store, a place of a broker and a sender that run while a <see cref="BusFault"/> does its worst.</summary>
internal sealed partial class BusTrial : ITrial, IAsyncDisposable
{
    public const string Stream = "faults";
    private const int Tail = 15, Ahead = 200;
    private static readonly int s_logLines = Environment.GetEnvironmentVariable("BROOK_FAULTS_LOG") is null ? 15 : 3000;
    private readonly WorkerPool _pool;
    private readonly Transport _transport;
    private readonly Store _store;
    private readonly BusFault _fault;
    private readonly Guard? _without;
    private readonly Events _events;
    private readonly BusOrders _orders;
    private readonly List<WorkerProcess> _workers = [];
    private readonly List<string> _stopped = [];
    private readonly ConcurrentDictionary<WorkerProcess, int> _lanes = [];
    private readonly ConcurrentDictionary<WorkerProcess, bool> _ready = [], _halted = [];
    private readonly int _seed;
    private readonly bool _isShort;
    private Watcher? _watcher;
    private long _commits, _conflicts, _failures, _fenced, _handedBack;
    private string? _failure;
    private bool _healed;

    private BusTrial(WorkerPool pool, Transport transport, Store store, StoreHost host, StoreHost? second, Place place, BusFault fault, int seed, Guard? without, bool isShort)
    {
        (_pool, _transport, _store, _fault, _without, Host, Place, _seed, Random, _isShort) = (pool, transport, store, fault, without, host, place, seed, new Random(seed), isShort);
        _events = new(seed, keys: Keys.For(fault.Partitions), ids: fault.HasIds);
        _orders = new(transport.Name, store.Name, host.Place, place.Broker, transport.TuningOf(fault, seed), fault.Partitions, fault.BatchEvents, fault.Slow, Mending.RetryAfter(seed), without?.Name);
        if (fault is LocalFault local) Node = new(transport, store, second, _orders, local);
        Sender = AnotherSender(seed, (partition, sent) => sent - _watcher!.Last(partition) < Ahead);
    }

    public StoreHost Host { get; }

    /// <summary>Who sends and reads in this process; null: workers read.</summary>
    public LocalNode? Node { get; }

    /// <summary>The queues end with the process.</summary>
    public bool IsInMemory => _transport is InMemoryTransport;

    public Place Place { get; }
    public BusSender Sender { get; }
    public int Partitions => _fault.Partitions;
    public bool HasIds => _fault.HasIds;
    public Random Random { get; }

    /// <summary>How often the fault did something.</summary>
    public int Injected { get; set; }

    /// <summary>Lanes that nodes have handed back so far.</summary>
    public long HandedBack => Interlocked.Read(ref _handedBack);

    /// <summary>What the error queue must have in the end.</summary>
    public List<byte[]> Undecodable { get; } = [];

    /// <summary>Messages of a partition with one event that nobody can read.</summary>
    public Dictionary<int, int> Unreadable { get; } = [];

    public IReadOnlyList<WorkerProcess> Alive => _workers;

    /// <summary>Workers that have said of a lane that it stands still.</summary>
    public IReadOnlyList<WorkerProcess> Halted => [.. _workers.Where(_halted.ContainsKey)];

    public long Progress => Enumerable.Range(0, _fault.Partitions).Sum(p => _watcher!.Last(p) + 1);

    /// <param name="isShort">Faults happen half as often.</param>
    public static async Task<Outcome> RunAsync(WorkerPool pool, Transport transport, Store store, BusFault fault, int seed, Guard? without, bool isShort, CancellationToken cancellationToken)
    {
        await using var host = await store.StartAsync(fault.Needs, cancellationToken);
        await using var place = await transport.OpenAsync(fault, cancellationToken);
        var second = fault is LocalFault { HasSecond: true } ? await store.StartAsync(default, cancellationToken) : null;
        await using var trial = new BusTrial(pool, transport, store, host, second, place, fault, seed, without, isShort);
        return await trial.RunAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Sender.DisposeAsync();
        if (Node is not null) await Node.DisposeAsync();
    }

    private async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var views = new[] { Host.Direct, Node?.Second }.OfType<string>().Select(place => new BusView(_store, place, _events, _seed, _without)).ToList();
        var view = views[0].Store;
        _watcher = new Watcher(view, _fault.Partitions, _fault.Rewinds);
        await using var mending = new Mending(this, views[0].Releaser, _seed, isAblated: _without is not null);
        string? stuck = null;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = Task.CompletedTask;
        try
        {
            for (var i = 0; i < _fault.Workers; i++) await AddWorkerAsync();
            if (Node is not null) await Node.StartAsync(cancellationToken);
            await ReadyAsync(cancellationToken);
            await _fault.PrepareAsync(this, cancellationToken);
            watching = _watcher.RunAsync(over.Token);
            if (_fault.Each is { } each) Sender.FinishAt(_ => each);
            await Sender.StartAsync(over.Token);
            await UntilAsync(() => Enumerable.Range(0, _fault.Partitions).All(p => _watcher.Last(p) >= 0), "the first events", cancellationToken);
            mending.Begin();
            await _fault.InjectAsync(this, cancellationToken);
            if (_fault.Each is null) Sender.Finish(Tail);
            await UntilAsync(() => Sender.Sent!.IsCompleted, "the sender", cancellationToken);
            await Sender.Sent!;
            foreach (var one in views) await DrainedAsync(one.Store, cancellationToken);
            await mending.FinishAsync(_fault.Deadline, cancellationToken);
            foreach (var one in views.Skip(1))
            {
                one.Releaser.Heal();
                await one.Releaser.FinishAsync(_fault.Deadline, cancellationToken);
            }
        }
        catch (StuckException e) { stuck = e.Message; }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested) { stuck = $"{e.GetType().Name}: {e.Message}"; }      // of the broker's or the store's client: this trial only
        await mending.EndAsync();
        var logs = stuck is null ? "" : $"{await Place.DescribeAsync(view, _fault.Partitions)}\n{string.Join('\n', _workers.Select(worker => $"{worker.Id}\n{worker.LogTail(s_logLines)}"))}\n{string.Join('\n', _stopped)}\nThe sender:\n{Sender.LogTail(s_logLines)}{Node?.LogTail(s_logLines)}";
        foreach (var worker in _workers)
            if (!await _pool.GiveBackAsync(worker)) stuck ??= $"a worker did not end. It said last:\n{worker.LogTail()}";
        if (Node is not null) await StopNodeAsync(Node);
        await over.CancelAsync();
        await watching;
        var (difference, result) = (new List<string>(), new Outcome(_seed, Injected, 0, 0, _commits, _conflicts, _failures, _fenced, HandedBack, _watcher.Reads, 0, 0, _watcher.Backwards, _watcher.Half, 0, stuck, [], Stopwatch.GetElapsedTime(started)));
        foreach (var one in views)
        {
            if (Sender.Sent is not { IsCompleted: true } || Sender.Failure is not null) break;
            (var found, result) = await CheckAsync(one, result, stuck is null, cancellationToken);
            difference.AddRange(found);
        }
        foreach (var one in views) await one.DisposeAsync();
        if (_watcher.Half > 0) difference.Add($"{_watcher.Half} reads of {_watcher.Reads} saw an event in part");
        if (_watcher.Backwards > 0) difference.Add($"{_watcher.Backwards} reads saw an older state than one before");
        if (stuck is not null) difference.Add($"Workers said last:\n{logs}");
        return result with { Injected = Injected, Differences = difference };
    }

    /// <summary>A view against the clean fold of what was sent.</summary>
    private async Task<(List<string> Differences, Outcome Result)> CheckAsync(BusView one, Outcome result, bool isOver, CancellationToken cancellationToken)
    {
        await one.Store.StartAsync(cancellationToken);       // the store may have been another one since
        var clean = new CleanFold();
        var check = new Check(one.Store, clean, _events.Recognise, Unreadable.Values.Sum());
        for (var p = 0; p < _fault.Partitions; p++)
        {
            clean.Add(_events, p, Enumerable.Range(0, (int)Sender.Count(p)));
            if (_without is null && await Place.DoneAsync(this, p, cancellationToken) is var done) await check.PositionAsync(_transport.Feed, p, done, done, cancellationToken);
        }
        if (_without is null && isOver) await Place.CheckAsync(this, check, cancellationToken);
        await check.RunAsync(cancellationToken);
        if (_without is null && isOver) check.Left(await one.Releaser.CountAsync(cancellationToken));
        var parked = await Check.SetAsideAsync(one.Store, _fault.Partitions, cancellationToken);
        return (check.Differences, result with
        {
            Events = result.Events + clean.Applied, Lost = result.Lost + check.Lost, Doubled = result.Doubled + check.Doubled, OutOfOrder = result.OutOfOrder + check.OutOfOrder, Wrong = result.Wrong + check.Wrong,
            Parked = result.Parked + parked, Released = result.Released + Math.Max(0, parked - clean.Skipped - clean.Parked.Count - Unreadable.Values.Sum()), Skipped = result.Skipped + clean.Skipped, Replaced = result.Replaced + clean.Replaced,
        });
    }

    /// <summary>Every lane stands where it must, and nothing waits. When nothing changes for some seconds and nothing waits, what is not there is lost.</summary>
    private async Task DrainedAsync(IViewStore view, CancellationToken cancellationToken)
    {
        await view.StartAsync(cancellationToken);
        var (last, since, name) = (-1L, Stopwatch.GetTimestamp(), _transport.Feed == Feed.Offsets ? "next" : "messages");
        while (true)
        {
            long there = 0, expected = 0;
            for (var p = 0; p < _fault.Partitions; p++)
            {
                there += await Check.AtAsync(view, p, name, cancellationToken);
                expected += await Place.DoneAsync(this, p, cancellationToken);
            }
            if (there != last) (last, since) = (there, Stopwatch.GetTimestamp());
            var (done, quiet) = (there == expected, Stopwatch.GetElapsedTime(since) > _fault.Quiet);
            if ((done || quiet) && await Place.WaitingAsync(_fault.Partitions, cancellationToken) == 0) return;
            if (quiet && Stopwatch.GetElapsedTime(since) > _fault.Quiet + _fault.Deadline) throw new StuckException($"{expected - there} of {expected} messages are not in the view, and {await Place.WaitingAsync(_fault.Partitions, cancellationToken)} wait in the queues.");
            ThrowOnFailure();
            await Task.Delay(10, cancellationToken);
        }
    }
}
