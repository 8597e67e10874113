using System.Globalization;
using Brook.Lanes;
using Brook.Storage;
using Microsoft.Extensions.Logging;

namespace Brook;

/// <summary>How one instance is. Source and store are asked when somebody wants to know; a timer only looks whether the lanes of this process take steps. Thread safe.</summary>
internal sealed class StatusReader(string name, BrookOptions options, BrookEngine? engine, Func<IBrookTransport?> transport, TimeProvider time) : IBrookStatus, IDisposable
{
    /// <summary>Who has not answered by then is lost.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>How old what gauges tell may be while somebody reads them, and how long after the last one it is kept up.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(5), s_wanted = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LaneHistory> _histories = [];       // of one look at a time
    private readonly string _instance = Names.OfInstance(name);
    private Task<BrookStatus>? _looking;
    private (BrookState State, DateTimeOffset Since)? _last;
    private ITimer? _watching;
    private IDisposable? _gauges;
    private volatile BrookStatus? _latest;
    private long _wanted;
    private bool _refreshing, _disposed;

    public async ValueTask<BrookStatus> GetAsync(CancellationToken cancellationToken)
    {
        Task<BrookStatus> looking;
        lock (_lock) looking = _looking is { IsCompleted: false } ? _looking : _looking = Task.Run(LookAsync, CancellationToken.None);
        return await looking.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A lane is open: from now on it is seen when one stands still, and gauges are given.</summary>
    public void Watch()
    {
        lock (_lock)
        {
            if (_watching is not null || _disposed) return;
            var often = options.StalledAfter / 4 < TimeSpan.FromSeconds(1) ? options.StalledAfter / 4 : TimeSpan.FromSeconds(1);
            _watching = time.CreateTimer(static reader => ((StatusReader)reader!).LookAtLanes(), this, often, often);
            _gauges = Telemetry.Watch(this);
        }
    }

    /// <summary>For gauges: what was found last, while it is kept up by being asked for. Null: nothing yet.</summary>
    public BrookStatus? Latest()
    {
        Volatile.Write(ref _wanted, time.GetTimestamp());
        lock (_lock)
        {
            if (!_refreshing && !_disposed) _ = RefreshAsync();
            _refreshing = true;
        }
        return _latest;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _watching?.Dispose();
            _gauges?.Dispose();
        }
    }

    private async Task RefreshAsync()
    {
        try
        {
            for (; !_disposed && time.GetElapsedTime(Volatile.Read(ref _wanted)) < s_wanted; await Task.Delay(s_fresh, time).ConfigureAwait(false))
                _latest = await GetAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock) (_refreshing, _latest) = (false, null);
        }
    }

    private void LookAtLanes()
    {
        foreach (var lane in engine!.OpenLanes)
        {
            var still = lane.Watch.Still();
            var stalled = still > options.StalledAfter && lane.Halted is null && lane.StoreProblem is null;     // those are said already
            if (stalled == lane.Watch.IsTold) continue;
            lane.Watch.IsTold = stalled;
            if (stalled) Log.LaneStalled(engine.Logger, _instance, lane.Name, still, LaneJudge.What(lane));
            else if (lane.Halted is null && lane.StoreProblem is null) Log.LaneGoesOn(engine.Logger, _instance, lane.Name);
        }
    }

    /// <summary>What to ask, whom to believe, what it adds up to.</summary>
    private async Task<BrookStatus> LookAsync()
    {
        var (askSource, askStore) = (AskAsync(LookAtSourceAsync), AskAsync(LookAtStoreAsync));
        var (source, sourceProblem) = await askSource.ConfigureAwait(false);
        var (parked, storeProblem) = await askStore.ConfigureAwait(false);
        sourceProblem ??= source?.Problem;
        var lanes = LanesOf(source ?? SourceStatus.Unknown);
        var (elsewhere, elsewhereProblem) = storeProblem is null ? await AskAsync(token => LookElsewhereAsync(lanes, token)).ConfigureAwait(false) : (null, null);
        var judged = lanes.Select(lane => new LaneJudge(options, time, HistoryOf(lane.Source.Name)).Judge(lane.Source, lane.Open, source is not { IsStarted: false }, elsewhere?.GetValueOrDefault(lane.Source.Name))).ToList();
        foreach (var gone in _histories.Keys.Except(judged.Select(lane => lane.Name)).ToList()) _histories.Remove(gone);

        var found = Findings(source, sourceProblem, parked, storeProblem ?? elsewhereProblem, judged).OrderByDescending(finding => finding.State).DefaultIfEmpty(WellBeing(judged)).ToList();
        var state = found[0].State;
        if (_last?.State != state) _last = (state, time.GetUtcNow());
        var here = judged.Where(lane => lane.IsHere).ToList();
        return new()
        {
            Instance = _instance, State = state, Reason = string.Join(" ", found.Select(finding => finding.Reason).Distinct()), Since = _last.Value.Since, Lanes = judged,
            Behind = here.Any(lane => lane.Behind is not null) ? here.Sum(lane => lane.Behind) : null, OldestAge = here.Max(lane => lane.OldestAge), Parked = parked, InOutbox = engine?.InOutbox ?? 0,
        };
    }

    private IEnumerable<(BrookState State, string Reason)> Findings(SourceStatus? source, string? sourceProblem, long? parked, string? storeProblem, List<LaneStatus> lanes)
    {
        if (storeProblem is not null) yield return (BrookState.StoreLost, $"The store does not answer: {storeProblem.TrimEnd('.')}. Lanes wait for it and lose nothing; look at the server, the network and this user's rights.");
        if (sourceProblem is not null) yield return (BrookState.BrokerLost, $"The source does not answer: {sourceProblem.TrimEnd('.')}. The view stays as it is until it does; look at the broker and the network.");
        if (source is { IsStarted: false }) yield return (BrookState.Starting, "The transport has not started, or is stopping: nothing is read and sends wait.");
        foreach (var lane in lanes.Where(lane => lane.State is not (BrookState.Live or BrookState.Standby)).OrderByDescending(lane => lane.State).Take(3)) yield return (lane.State, lane.Reason);
        if (lanes.Count(lane => lane.State is not (BrookState.Live or BrookState.Standby)) is > 3 and var many) yield return (BrookState.Live, Text($"{many - 3} more lane(s) are not live."));
        if (parked > options.ToleratedParkedEvents) yield return (BrookState.Parked, Text($"{parked:N0} event(s) are set aside, and {options.ToleratedParkedEvents:N0} are tolerated (ToleratedParkedEvents). Later events of their keys wait behind them: list them with IParkedEvents, whose rows say why."));
    }

    private static (BrookState State, string Reason) WellBeing(List<LaneStatus> lanes)
    {
        var others = lanes.Count(lane => lane.State == BrookState.Standby);
        if (others > 0 && others == lanes.Count) return (BrookState.Standby, Text($"Other processes read all {others} lane(s), or nothing has come for them yet. This one is well, and takes over."));
        return (BrookState.Live, lanes.Count == 0 ? "Source and store answer." : Text($"{lanes.Count - others} of {lanes.Count} lane(s) are live here{(others > 0 ? "; the others are read by other processes, or nothing has come for them yet" : "")}."));
    }

    /// <summary>The transport's lanes, with those that are open here; and what is open here and the transport does not tell of (endpoints of ordinary messages).</summary>
    private List<(SourceLane Source, Lane? Open)> LanesOf(SourceStatus source)
    {
        var open = engine?.OpenLanes.ToDictionary(lane => lane.Name) ?? [];
        return [.. source.Lanes.Select(lane => (lane, open.GetValueOrDefault(lane.Name))).Concat(open.Values.Where(lane => !source.Lanes.Any(known => known.Name == lane.Name)).Select(lane => (new SourceLane(lane.Name), (Lane?)lane)))
            .OrderBy(lane => lane.Item1.Name, StringComparer.Ordinal)];
    }

    private LaneHistory HistoryOf(string lane) => _histories.TryGetValue(lane, out var history) ? history : _histories[lane] = new LaneHistory();

    private async ValueTask<SourceStatus> LookAtSourceAsync(CancellationToken cancellationToken) => transport() is { } source ? await source.LookAtSourceAsync(cancellationToken).ConfigureAwait(false) : SourceStatus.Unknown;

    private async ValueTask<long?> LookAtStoreAsync(CancellationToken cancellationToken)
    {
        if (engine is null) return null;
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return await engine.Store.CountAsync(ParkedRow.Collection, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lanes that are not open here: how far the view is, whoever brought it there.</summary>
    private async ValueTask<Dictionary<string, StoredEntry>> LookElsewhereAsync(List<(SourceLane Source, Lane? Open)> lanes, CancellationToken cancellationToken)
    {
        var others = lanes.Where(lane => lane.Open is null && (lane.Source.Waiting > 0 || lane.Source.End > 0)).Select(lane => lane.Source.Name).ToList();
        if (others.Count == 0 || engine is null) return [];
        var entries = await engine.Store.ReadAsync(others.Select(lane => new EntryKey(LaneState.Collection, lane)).ToArray(), cancellationToken).ConfigureAwait(false);
        return others.Zip(entries).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    /// <summary>An answer, or why there is none; a call that does not end is left to itself.</summary>
    private async Task<(T? Answer, string? Problem)> AskAsync<T>(Func<CancellationToken, ValueTask<T>> ask)
    {
        using var patience = new CancellationTokenSource(s_patience, time);
        try
        {
            return (await ask(patience.Token).AsTask().WaitAsync(patience.Token).ConfigureAwait(false), null);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            return (default, Text($"no answer within {s_patience.TotalSeconds:0} s"));
        }
        catch (Exception error)
        {
            return (default, error.Message);
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
