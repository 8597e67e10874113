using System.Collections.Concurrent;
using System.Text;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.PropertyTests;

/// <summary>An event of a parked trial. One that is bad fails until it is replaced; others may fail for a while.</summary>
[EventType("parked:op")]
internal sealed record ParkedOp(int Number, string? Key, int N, bool Bad);

/// <summary>
/// Two nodes over one store, both after the same lane, killed and fenced at random, while each works on what is set aside: retries by key, by row and of all, by itself, skips, replacements.
/// Commits fail, answers get lost. At the end all is released, and the view must be the clean fold per key: skipped events left out, replaced ones replaced.
/// </summary>
internal sealed class ParkedTrial(int seed, Func<IViewStore, IViewStore>? ablate = null)
{
    private const string LaneName = "fuzz/0";
    private static readonly ViewCollection<List<int>> s_lists = "lists";
    private static readonly ViewCollection<long> s_order = "order", s_total = "total";
    private readonly IViewStore _truth = Stores.New();
    private readonly ConcurrentDictionary<int, bool> _broken = [];
    private readonly ConcurrentDictionary<int, int?> _byHand = [];      // number -> what it was replaced by; null: skipped
    private readonly Random _random = new(seed);
    private readonly List<ParkedOp> _ops = [];
    private readonly TaskCompletionSource _scriptDone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _retried, _heldUp;

    /// <summary>How many events were released by hand or by themselves, and how often a batch set something aside.</summary>
    public (int Retried, int HeldUp) Seen => (_retried, _heldUp);

    /// <summary>Null, or the first difference found.</summary>
    public async Task<string?> RunAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < 100; i++)
        {
            _ops.Add(new ParkedOp(i, _random.Next(6) == 0 ? null : $"k{_random.Next(4)}", _random.Next(1, 100), _random.Next(25) == 0));
            if (_random.Next(7) == 0) _broken[i] = true;
        }
        var store = ablate?.Invoke(_truth) ?? _truth;
        var (most, byThemselves) = (_random.Next(3) == 0 ? 6 : 10_000, _random.Next(2) == 0);
        var owners = new[] { OwnAsync(store, most, byThemselves, seed, cancellationToken), OwnAsync(store, most, byThemselves, seed + 1000, cancellationToken) };
        var workers = new[] { WorkAsync(store, seed + 1, cancellationToken), WorkAsync(store, seed + 1001, cancellationToken) };
        await Task.WhenAll(owners);
        _scriptDone.SetResult();
        await Task.WhenAll(workers);
        return await ReleaseAllAsync(store, cancellationToken) ?? await DifferenceAsync(cancellationToken);
    }

    private async Task OwnAsync(IViewStore store, int most, bool byThemselves, int mySeed, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var random = new Random(mySeed);
        var node = await OpenAsync(store, LaneName, most, byThemselves, mySeed);
        while (node.Lane.NextOffset < _ops.Count)
        {
            var from = (int)node.Lane.NextOffset;
            var events = _ops.Skip(from).Take(random.Next(1, 12)).Select((op, i) => Read(op, from + i)).ToArray();
            using var kill = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (random.Next(12) == 0) kill.CancelAfter(random.Next(3));
            BatchOutcome? outcome = null;
            try
            {
                var result = await node.Lane.ProcessAsync(events, kill.Token);
                outcome = result.Outcome;
                if (result.SetAside > 0) Interlocked.Increment(ref _heldUp);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested) { }
            for (var turns = random.Next(20); turns > 0; turns--) await Task.Yield();
            if (outcome is BatchOutcome.Committed or BatchOutcome.Moved && random.Next(20) > 0) continue;
            await node.DisposeAsync();                          // fenced, killed or just restarted
            for (var turns = random.Next(60); turns > 0; turns--) await Task.Yield();
            node = await OpenAsync(store, LaneName, most, byThemselves, mySeed + (from * 31));
        }
        await node.DisposeAsync();
    }

    private async Task WorkAsync(IViewStore store, int mySeed, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var random = new Random(mySeed);
        await using var node = await OpenAsync(store, $"other/{mySeed}", 10_000, byThemselves: false, mySeed);
        while (!_scriptDone.Task.IsCompleted)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var number in _broken.Keys.Where(_ => random.Next(6) == 0)) _broken.TryRemove(number, out _);     // it heals
            try
            {
                switch (random.Next(6))
                {
                    case 0: Interlocked.Add(ref _retried, (await node.Parked.RetryAllAsync(cancellationToken)).Applied); break;
                    case 1 or 2: Interlocked.Add(ref _retried, (await node.Parked.RetryAsync($"k{random.Next(4)}", cancellationToken)).Applied); break;
                    case 3 when await PickAsync(node.Parked, random, _ => true, cancellationToken) is { } row: await node.Parked.RetryRowAsync(row.RowId, cancellationToken); break;
                    case 4 when await PickAsync(node.Parked, random, row => OpOf(row).Bad, cancellationToken) is { } row: await MendAsync(node.Parked, row, random, cancellationToken); break;
                    default: await Task.Delay(1, cancellationToken); break;
                }
            }
            catch (BrookException) { }                          // nothing there (any more), or the store was away
        }
    }

    /// <summary>One of the two nodes skips or replaces a bad event, and goes on until it knows that it has.</summary>
    private async Task MendAsync(IParkedEvents parked, ParkedEvent row, Random random, CancellationToken cancellationToken)
    {
        var (op, skip) = (OpOf(row), random.Next(2) == 0);
        if (!_byHand.TryAdd(op.Number, skip ? null : op.N + 1000)) return;
        for (var now = (Done: true, Result: (ParkedEvent?)row); !now.Done || (now.Result is { } there && OpOf(there).Bad); now = await parked.TryAsync(p => p.GetAsync(row.RowId, cancellationToken)))
            await parked.TryAsync(p => skip ? p.SkipAsync(row.RowId, cancellationToken) : p.ReplaceAsync(row.RowId, op with { Bad = false, N = op.N + 1000 }, cancellationToken));
    }

    private async Task<string?> ReleaseAllAsync(IViewStore store, CancellationToken cancellationToken)
    {
        _broken.Clear();
        await using var node = await OpenAsync(store, "last/0", 10_000, byThemselves: false, seed);
        for (var round = 0; round < 100; round++)
        {
            if (await node.Parked.TryAsync(p => p.CountAsync(cancellationToken)) is { Done: true, Result: 0 }) return null;
            await node.Parked.TryAsync(p => p.RetryAllAsync(cancellationToken));
            if (await PickAsync(node.Parked, _random, row => OpOf(row).Bad, cancellationToken) is { } bad)
            {
                _byHand[OpOf(bad).Number] = null;
                await node.Parked.TryAsync(p => p.SkipAsync(bad.RowId, cancellationToken));
            }
        }
        return "not all could be released";
    }

    private async Task<string?> DifferenceAsync(CancellationToken cancellationToken)
    {
        var applied = _ops.Select(op => _byHand.TryGetValue(op.Number, out var by) ? by is { } n ? op with { N = n } : null : op).OfType<ParkedOp>().ToList();
        await using var node = await TestLane.OpenAsync(brook => brook.UseStore(_ => _truth), name: "check/0");
        foreach (var key in applied.Select(op => op.Key).OfType<string>().Distinct())
        {
            var mine = applied.Where(op => op.Key == key).ToList();
            var list = await node.View.GetAsync(s_lists, key, cancellationToken) ?? [];
            if (!list.SequenceEqual(mine.Select(op => op.Number))) return $"{key}: expected [{string.Join(' ', mine.Select(op => op.Number))}], found [{string.Join(' ', list)}]";
            if (await node.View.GetAsync(s_order, key, cancellationToken) != mine.Aggregate(0L, (sum, op) => FuzzView.Mix(sum, op.N))) return $"{key}: another order, or another event";
            var log = (await node.View.GetEventsAsync(s_lists, key, cancellationToken: cancellationToken)).Select(e => ((System.Text.Json.JsonElement)e.Data!).GetProperty("number").GetInt32());
            if (!log.SequenceEqual(list)) return $"{key}: the log is [{string.Join(' ', log)}]";
        }
        var free = await node.View.GetAsync(s_lists, "free", cancellationToken) ?? [];
        if (!free.Order().SequenceEqual(applied.Where(op => op.Key is null).Select(op => op.Number))) return $"without a key: found [{string.Join(' ', free)}]";
        var total = await node.View.GetAsync(s_total, "all", cancellationToken);
        return total == applied.Sum(op => (long)op.N) ? null : $"total: expected {applied.Sum(op => op.N)}, found {total}";
    }

    private static async Task<ParkedEvent?> PickAsync(IParkedEvents parked, Random random, Func<ParkedEvent, bool> which, CancellationToken cancellationToken)
    {
        var rows = (await parked.TryAsync(async p => await p.ListAsync(lane: LaneName, cancellationToken: cancellationToken).ToListAsync(cancellationToken))).Result?.FindAll(new(which)) ?? [];
        return rows.Count == 0 ? null : rows[random.Next(rows.Count)];
    }

    private Task<TestLane> OpenAsync(IViewStore store, string lane, int most, bool byThemselves, int mySeed) => TestLane.OpenAsync(brook =>
    {
        brook.UseStore(_ => new FlakyStore(store, mySeed)).On<ParkedOp>("parked:op", Handle);
        brook.Options.HandlerAttempts = 1;
        brook.Options.LogLimit = BrookOptions.KeepAll;
        brook.Options.BatchEvents = 7;
        brook.Options.MaxParkedEvents = most;
        brook.Options.ParkedRetryDelay = byThemselves ? TimeSpan.FromMilliseconds(3) : TimeSpan.Zero;
        brook.Options.ParkedRetryMaxDelay = TimeSpan.FromMilliseconds(20);
    }, LaneGuard.Offsets, lane);

    private Changes Handle(BrookEvent<ParkedOp> e)
    {
        var op = e.Data;
        if (op.Bad || _broken.ContainsKey(op.Number)) throw new InvalidOperationException($"broken: {op.Number}");
        return
        [
            Merge(s_lists, op.Key ?? "free", [], list => FuzzView.Add(list, op.Number)),
            Merge(s_order, op.Key ?? "free", sum => FuzzView.Mix(sum, op.N)),
            Merge(s_total, "all", sum => sum + op.N),
        ];
    }

    private static ParkedOp OpOf(ParkedEvent row) => System.Text.Json.JsonDocument.Parse(row.Event).RootElement.GetProperty("data") is var data
        ? new(data.GetProperty("number").GetInt32(), row.Key, data.GetProperty("n").GetInt32(), data.GetProperty("bad").GetBoolean()) : null!;

    private static EventEnvelope Read(ParkedOp op, int offset) => EventEnvelope.Read(Encoding.UTF8.GetBytes(TestLane.Event("parked:op", op, op.Key)), new(LaneName, offset), DateTimeOffset.UnixEpoch);
}

internal static class ParkedTrialExtensions
{
    /// <summary>Calls once; not done when the store was away or the call was refused.</summary>
    public static async Task<(bool Done, T? Result)> TryAsync<T>(this IParkedEvents parked, Func<IParkedEvents, ValueTask<T>> call)
    {
        try { return (true, await call(parked)); }
        catch (BrookException) { return (false, default); }
    }
}
