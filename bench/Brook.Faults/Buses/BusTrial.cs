// One trial over a transport, from an empty place of its broker to the comparison with the clean fold.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Brook.Faults;

/// <summary>Workers, a store, a place of a broker and a sender that run while a <see cref="BusFault"/> does its worst.</summary>
internal sealed class BusTrial : ITrial, IAsyncDisposable
{
    public const string Stream = "faults";
    private const int Tail = 15, Ahead = 200;
    private static readonly int s_logLines = Environment.GetEnvironmentVariable("BROOK_FAULTS_LOG") is null ? 15 : 3000;
    private readonly WorkerPool _pool;
    private readonly Transport _transport;
    private readonly BusFault _fault;
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

    private BusTrial(WorkerPool pool, Transport transport, Store store, StoreHost host, Place place, BusFault fault, int seed, Guard? without, bool isShort)
    {
        (_pool, _transport, _fault, Host, Place, _seed, Random, _isShort) = (pool, transport, fault, host, place, seed, new Random(seed), isShort);
        _events = new(seed, keys: Keys.For(fault.Partitions), ids: fault.HasIds);
        _orders = new(transport.Name, store.Name, host.Place, place.Broker, transport.TuningOf(fault, seed), fault.Partitions, fault.BatchEvents, fault.Slow, without?.Name);
        Sender = AnotherSender(seed, (partition, sent) => sent - _watcher!.Last(partition) < Ahead);
    }

    public StoreHost Host { get; }
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
        await using var trial = new BusTrial(pool, transport, store, host, place, fault, seed, without, isShort);
        return await trial.RunAsync(store, without, cancellationToken);
    }

    public ValueTask DisposeAsync() => Sender.DisposeAsync();

    private async Task<Outcome> RunAsync(Store store, Guard? without, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var view = store.Open(Host.Direct, timeout: 10_000);
        await using var _ = (IAsyncDisposable)view;
        _watcher = new Watcher(view, _fault.Partitions, _fault.Rewinds);
        var clean = new CleanFold();
        var check = new Check(view, clean, _events.Recognise, 0);
        string? stuck = null;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = Task.CompletedTask;
        try
        {
            for (var i = 0; i < _fault.Workers; i++) await AddWorkerAsync();
            await ReadyAsync(cancellationToken);
            await _fault.PrepareAsync(this, cancellationToken);
            watching = _watcher.RunAsync(over.Token);
            if (_fault.Each is { } each) Sender.FinishAt(_ => each);
            await Sender.StartAsync(over.Token);
            await UntilAsync(() => Enumerable.Range(0, _fault.Partitions).All(p => _watcher.Last(p) >= 0), "the first events", cancellationToken);
            await _fault.InjectAsync(this, cancellationToken);
            if (_fault.Each is null) Sender.Finish(Tail);
            await UntilAsync(() => Sender.Sent!.IsCompleted, "the sender", cancellationToken);
            await Sender.Sent!;
            await DrainedAsync(view, cancellationToken);
        }
        catch (StuckException e) { stuck = e.Message; }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested) { stuck = $"{e.GetType().Name}: {e.Message}"; }      // of the broker's or the store's client: this trial only
        var logs = stuck is null ? "" : $"{await Place.DescribeAsync(view, _fault.Partitions)}\n{string.Join('\n', _workers.Select(worker => $"{worker.Id}\n{worker.LogTail(s_logLines)}"))}\n{string.Join('\n', _stopped)}\nThe sender:\n{Sender.LogTail(s_logLines)}";
        foreach (var worker in _workers)
            if (!await _pool.GiveBackAsync(worker)) stuck ??= $"a worker did not end. It said last:\n{worker.LogTail()}";
        await over.CancelAsync();
        await watching;
        if (Sender.Sent is { IsCompleted: true } && Sender.Failure is null)
        {
            await view.StartAsync(cancellationToken);       // the store may have been another one since
            check = new Check(view, clean, _events.Recognise, Unreadable.Values.Sum());
            for (var p = 0; p < _fault.Partitions; p++)
            {
                clean.Add(_events, p, Enumerable.Range(0, (int)Sender.Count(p)));
                if (without is null && await Place.DoneAsync(this, p, cancellationToken) is var done) await check.PositionAsync(_transport.Feed, p, done, done, cancellationToken);
            }
            if (without is null && stuck is null) await Place.CheckAsync(this, check, cancellationToken);
            await check.RunAsync(cancellationToken);
            if (_watcher.Half > 0) check.Differences.Add($"{_watcher.Half} reads of {_watcher.Reads} saw an event in part");
            if (_watcher.Backwards > 0) check.Differences.Add($"{_watcher.Backwards} reads saw an older state than one before");
        }
        if (stuck is not null) check.Differences.Add($"Workers said last:\n{logs}");
        return new(_seed, Injected, clean.Applied, 0, _commits, _conflicts, _failures, _fenced, HandedBack, _watcher.Reads, check.Lost, check.Doubled, check.OutOfOrder + _watcher.Backwards, _watcher.Half, check.Wrong, stuck, check.Differences, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Every lane stands where it must, and nothing waits. When nothing changes for some seconds and nothing waits, what is not there is lost.</summary>
    private async Task DrainedAsync(Brook.Storage.IViewStore view, CancellationToken cancellationToken)
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

    // For faults.

    /// <summary>How often to do what is done so often in a trial of full length.</summary>
    public int Times(int full) => _isShort ? (full + 1) / 2 : full;

    /// <summary>Sends the same events; it is the caller's to dispose.</summary>
    public BusSender AnotherSender(int seed, Func<int, long, bool> goOn) => new(_transport, Place.Broker, _orders.Tuning, _events, _fault.Partitions, seed, goOn);

    /// <summary>The event that a record is; null: none of the trial's.</summary>
    public Event? Recognise(byte[]? record) => record is null ? null : _events.Find(Encoding.UTF8.GetString(record));

    /// <summary>The events that a partition was sent.</summary>
    public IEnumerable<Event> SentTo(int partition)
    {
        for (var n = 0; n < Sender.Count(partition); n++) yield return _events.At(partition, n);
    }

    /// <inheritdoc/>
    public void DataIsGone() { }        // the transport has all of it, and brings it again

    /// <summary>A moment while the trial is in full run: after some more events, and a little later.</summary>
    public async Task MomentAsync(CancellationToken cancellationToken)
    {
        var target = Progress + Random.Next(20, 120);
        await UntilAsync(() => Progress >= target, "some more events", cancellationToken);
        await Task.Delay(TimeSpan.FromMilliseconds(15 * Random.NextDouble()), cancellationToken);
    }

    /// <summary>Until every lane has moved on: somebody has it.</summary>
    public async Task EverywhereAsync(CancellationToken cancellationToken)
    {
        var targets = Enumerable.Range(0, _fault.Partitions).Select(p => _watcher!.Last(p) + 1 + Random.Next(20)).ToArray();
        await UntilAsync(() => Enumerable.Range(0, _fault.Partitions).All(p => _watcher!.Last(p) >= targets[p] || Sent(p)), "every lane to move on", cancellationToken);

        bool Sent(int partition) => _fault.Each is { } each && _watcher!.Last(partition) >= each - 100;     // its last events may be set aside
    }

    /// <summary>Until each worker commits for lanes of its own.</summary>
    public async Task SpreadAsync(CancellationToken cancellationToken)
    {
        await ReadyAsync(cancellationToken);
        await UntilAsync(() => _workers.All(worker => _lanes.GetValueOrDefault(worker) > 0), "lanes to be spread", cancellationToken);
    }

    /// <summary>One that commits for lanes now; the random one of them.</summary>
    public async Task<WorkerProcess> BusyWorkerAsync(CancellationToken cancellationToken)
    {
        await UntilAsync(() => _workers.Exists(worker => _lanes.GetValueOrDefault(worker) > 0), "a worker at work", cancellationToken);
        var busy = _workers.Where(worker => _lanes.GetValueOrDefault(worker) > 0).ToList();
        return busy[Random.Next(busy.Count)];
    }

    /// <summary>kill -9; somebody new comes.</summary>
    public async Task KillWorkerAsync(WorkerProcess worker)
    {
        _workers.Remove(worker);
        await worker.KillAsync();
        await worker.DisposeAsync();
        await AddWorkerAsync();
        Injected++;
    }

    /// <summary>Its host stops as when it is deployed anew; as a rule somebody new comes.</summary>
    /// <exception cref="StuckException">It does not end.</exception>
    public async Task StopWorkerAsync(WorkerProcess worker, bool another = true)
    {
        _workers.Remove(worker);
        var stopped = await _pool.GiveBackAsync(worker);
        _stopped.Add($"{worker.Id}, which was stopped:\n{worker.LogTail(s_logLines)}");
        if (!stopped) throw new StuckException($"a worker did not stop. {_stopped[^1]}");
        if (another) await AddWorkerAsync();
        Injected++;
    }

    public async Task AddWorkerAsync()
    {
        var worker = await _pool.TakeAsync();
        (_lanes[worker], _ready[worker]) = (0, false);
        _workers.Add(worker);
        worker.Begin(_orders, Hear);
    }

    public Task ReadyAsync(CancellationToken cancellationToken) => UntilAsync(() => _workers.All(worker => _ready.GetValueOrDefault(worker)), "workers to start", cancellationToken);

    /// <summary>Waits until something has become true.</summary>
    /// <exception cref="StuckException">It has not, or somebody failed.</exception>
    public async Task UntilAsync(Func<bool> condition, string what, CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(2, cancellationToken))
        {
            ThrowOnFailure();
            if (Stopwatch.GetElapsedTime(started) > _fault.Deadline) throw new StuckException($"waited {_fault.Deadline.TotalSeconds} s in vain for {what}. The last events of the lanes: {string.Join(' ', Enumerable.Range(0, _fault.Partitions).Select(p => $"{_watcher!.Last(p)} of {Sender.Count(p)}"))}");
        }
    }

    private void ThrowOnFailure()
    {
        if (_failure is { } failure) throw new StuckException($"a worker failed: {failure}");
        if (Sender.Failure is { } send) throw new StuckException($"a send failed: {send}");
    }

    private void Hear(WorkerProcess worker, string word, string[] rest)
    {
        switch (word)
        {
            case "ready":
                _ready[worker] = true;
                break;
            case "failed":
                _failure ??= string.Join(' ', rest);
                break;
            case "fenced":
                Interlocked.Increment(ref _fenced);
                break;
            case "halted":
                _halted[worker] = true;
                break;
            case "handed":
                Interlocked.Add(ref _handedBack, long.Parse(rest[0], CultureInfo.InvariantCulture));
                break;
            case "counts":
                var numbers = Array.ConvertAll(rest, text => long.Parse(text, CultureInfo.InvariantCulture));
                Interlocked.Add(ref _commits, numbers[0]);
                Interlocked.Add(ref _conflicts, numbers[1]);
                Interlocked.Add(ref _failures, numbers[2]);
                _lanes[worker] = (int)numbers[3];
                break;
            default: throw new InvalidOperationException($"A worker said '{word}'.");
        }
    }
}
