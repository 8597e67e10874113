// What faults do with a trial over a transport, and what its workers say.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Brook.Storage;

namespace Brook.Faults;

internal sealed partial class BusTrial
{
    /// <summary>How often to do what is done so often in a trial of full length.</summary>
    public int Times(int full) => _isShort ? (full + 1) / 2 : full;

    /// <summary>Sends the same events; it is the caller's to dispose.</summary>
    public BusSender AnotherSender(int seed, Func<int, long, bool> goOn) => Node is { } node ? new(() => node.Brook, _events, _fault.Partitions, seed, goOn) : new(_transport, Place.Broker, _orders.Tuning, _events, _fault.Partitions, seed, goOn);

    /// <summary>The event that a record is; null: none of the trial's.</summary>
    public Event? Recognise(byte[]? record) => record is null ? null : _events.Find(Encoding.UTF8.GetString(record));

    /// <summary>The events that a partition was sent.</summary>
    public IEnumerable<Event> SentTo(int partition)
    {
        for (var n = 0; n < Sender.Count(partition); n++) yield return _events.At(partition, n);
    }

    /// <summary>Commits that workers had to make again.</summary>
    public long Conflicts => Interlocked.Read(ref _conflicts);

    /// <summary>The view, once more.</summary>
    public IViewStore OpenView() => _store.Open(Host.Direct, timeout: 5_000);

    /// <summary>How many messages are sent and not in the view.</summary>
    public async Task<long> BehindAsync(CancellationToken cancellationToken)
    {
        var (view, behind) = (OpenView(), 0L);
        await using var _ = (IAsyncDisposable)view;
        await view.StartAsync(cancellationToken);
        for (var p = 0; p < _fault.Partitions; p++) behind += await Place.DoneAsync(this, p, cancellationToken) - await Check.AtAsync(view, p, "messages", cancellationToken);
        return behind;
    }

    /// <inheritdoc/>
    public void Heal()
    {
        if (Node is not null) Node.Health.IsHealed = true;
        lock (_workers)
        {
            _healed = true;
            foreach (var worker in _workers) worker.Say("heal 0");
        }
    }

    /// <inheritdoc/>
    public void Retry()
    {
        Node?.Retry();
        lock (_workers) _workers.FirstOrDefault()?.Say("retry 0");
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
        lock (_workers) _workers.Remove(worker);
        await worker.KillAsync();
        await worker.DisposeAsync();
        await AddWorkerAsync();
        Injected++;
    }

    /// <summary>Its host stops as when it is deployed anew; as a rule somebody new comes.</summary>
    /// <exception cref="StuckException">It does not end.</exception>
    public async Task StopWorkerAsync(WorkerProcess worker, bool another = true)
    {
        lock (_workers) _workers.Remove(worker);
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
        lock (_workers)
        {
            worker.Begin(_orders, Hear);
            if (_healed) worker.Say("heal 0");
            _workers.Add(worker);
        }
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

    private async Task StopNodeAsync(LocalNode node)
    {
        await node.StopAsync();
        (_commits, _conflicts, _failures, _fenced) = node.Count();
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
