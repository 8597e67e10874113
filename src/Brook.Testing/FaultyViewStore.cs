using System.Runtime.CompilerServices;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>
/// A store that fails as told, over a real one. Faults are <see cref="BrookException"/>s whose message begins with "Injected fault". Told nothing, it does what
/// the inner store does. Thread safe; disposing of it disposes of the inner store.
/// </summary>
/// <param name="inner">The store that does the work; not null.</param>
public sealed class FaultyViewStore(IViewStore inner) : IViewStore, IViewStoreSignals, IAsyncDisposable
{
    private readonly IViewStore _inner = inner ?? throw new ArgumentNullException(nameof(inner));
    private readonly Lock _lock = new();
    private readonly List<Rule> _rules = [];
    private readonly long[] _calls = new long[Enum.GetValues<FaultPoint>().Length], _faults = new long[Enum.GetValues<FaultPoint>().Length];
    private bool _away;

    /// <summary>Every call fails, transient, until this is false again: connection lost.</summary>
    /// <value>The default is false.</value>
    public bool IsAway
    {
        get => Volatile.Read(ref _away);
        set => Volatile.Write(ref _away, value);
    }

    /// <summary>How many faults were injected in all.</summary>
    public long Faults
    {
        get { lock (_lock) return _faults.Sum(); }
    }

    /// <summary>How many faults were injected at a point.</summary>
    public long FaultsAt(FaultPoint point)
    {
        lock (_lock) return _faults[(int)point];
    }

    /// <summary>How many calls came by a point, failed ones too.</summary>
    public long CallsAt(FaultPoint point)
    {
        lock (_lock) return _calls[(int)point];
    }

    /// <summary>The next calls fail.</summary>
    /// <param name="point">Where.</param>
    /// <param name="times">How many; at least 1.</param>
    /// <param name="transient">Whether the exception says that the call may succeed later.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="times"/> is less than 1.</exception>
    public FaultyViewStore FailNext(FaultPoint point, int times = 1, bool transient = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1);
        return Add(point, transient, () => times > 0 && times-- > 0);
    }

    /// <summary>From now on every nth call fails: the nth, the 2nth and so on.</summary>
    /// <param name="point">Where.</param>
    /// <param name="nth">At least 1, which is every call.</param>
    /// <param name="transient">Whether the exception says that the call may succeed later.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="nth"/> is less than 1.</exception>
    public FaultyViewStore FailEvery(FaultPoint point, int nth, bool transient = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(nth, 1);
        var calls = 0L;
        return Add(point, transient, () => ++calls % nth == 0);
    }

    /// <summary>From now on calls fail by chance; one seed and one order of calls give the same faults.</summary>
    /// <param name="point">Where.</param>
    /// <param name="share">What share of the calls fails: 0 to 1.</param>
    /// <param name="seed">Begins the row of random numbers.</param>
    /// <param name="transient">Whether the exception says that the call may succeed later.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="share"/> is not between 0 and 1.</exception>
    public FaultyViewStore FailRandomly(FaultPoint point, double share, int seed, bool transient = true)
    {
        if (!(share is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "A share is between 0 and 1.");
        var random = new Random(seed);
        return Add(point, transient, () => random.NextDouble() < share);
    }

    /// <summary>No more faults: forgets what it was told and comes back. The counters stay.</summary>
    public void Heal()
    {
        IsAway = false;
        lock (_lock) _rules.Clear();
    }

    /// <inheritdoc />
    public ValueTask StartAsync(CancellationToken cancellationToken)
    {
        Pass(FaultPoint.Start);
        return _inner.StartAsync(cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        Pass(FaultPoint.Read);
        return _inner.ReadAsync(keys, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        Pass(FaultPoint.Read);
        return _inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        Pass(FaultPoint.Read);
        return _inner.CountAsync(collection, cancellationToken);
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<string> ReadCollectionsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Pass(FaultPoint.Read);
        await foreach (var collection in _inner.ReadCollectionsAsync(cancellationToken)) yield return collection;
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Pass(FaultPoint.Read);
        await foreach (var record in _inner.ReadLogAsync(entry, type, cancellationToken)) yield return record;
    }

    /// <inheritdoc />
    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        Pass(FaultPoint.BeforeCommit);
        var result = await _inner.CommitAsync(commit, cancellationToken);
        Pass(FaultPoint.AfterCommit);
        return result;
    }

    /// <summary>As the inner store, if it can tell of changes; it fails as a read does.</summary>
    /// <inheritdoc />
    public ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
    {
        Pass(FaultPoint.Read);
        return _inner is IViewStoreSignals signals ? signals.WatchAsync(entry, changed, cancellationToken) : default;
    }

    /// <summary>Disposes of the inner store, if it can be disposed of.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_inner is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync();
        else (_inner as IDisposable)?.Dispose();
    }

    private FaultyViewStore Add(FaultPoint point, bool transient, Func<bool> strikes)
    {
        lock (_lock) _rules.Add(new(point, transient, strikes));
        return this;
    }

    /// <summary>Every rule of the point counts the call; the first one that strikes decides.</summary>
    private void Pass(FaultPoint point)
    {
        Rule? fault = null;
        lock (_lock)
        {
            _calls[(int)point]++;
            foreach (var rule in _rules)
                if (rule.Point == point && rule.Strikes()) fault ??= rule;
            if (IsAway) fault = new(point, true, () => true);
            if (fault is null) return;
            _faults[(int)point]++;
        }
        throw new BrookException($"Injected fault: {(IsAway ? "the store is away" : Story(point))}.") { IsTransient = fault.Transient };
    }

    private static string Story(FaultPoint point) => point switch
    {
        FaultPoint.Start => "the store does not start",
        FaultPoint.Read => "the read failed",
        FaultPoint.BeforeCommit => "the commit did not reach the store",
        _ => "the commit reached the store and its answer got lost",
    };

    private sealed record Rule(FaultPoint Point, bool Transient, Func<bool> Strikes);
}
