using Brook.Storage;

namespace Brook.Testing;

/// <summary>One call of a lane, and what happens at its calls of the store.</summary>
internal sealed class Delivery(ChaosRun run, ChaosNode node, int lane, int count, List<FaultStep> faults, CancellationTokenSource life, string indent)
{
    private static readonly TimeSpan s_slow = TimeSpan.FromSeconds(10);
    private readonly List<FaultStep> _faults = [.. faults];
    private int _call = -1, _away;

    /// <summary>The process is gone, and what it had in memory.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Before and after each call of the store. A fault whose call never comes does not happen.</summary>
    public async ValueTask CallAsync(Commit? commit, bool after, CancellationToken cancellationToken)
    {
        if (!after) _call++;
        if (!after && _away > 0)
        {
            _away--;
            throw Away("the store is away");
        }
        var (when, calling) = ($"{indent}{(after ? "after" : "before")} {(commit is null ? "a read" : "a commit")}: ", node.Store.Calling);
        node.Store.Calling = null;                              // what happens now is not itself disturbed
        try
        {
            for (var i = 0; i < _faults.Count; i++)
            {
                var fault = _faults[i];
                if (fault.Call > _call || fault.After != after || (IsForCommits(fault) && !(commit is not null && WritesView(commit)))) continue;
                _faults.RemoveAt(i--);
                await HappenAsync(fault, commit, when, cancellationToken);
            }
        }
        finally
        {
            node.Store.Calling = calling;
        }
    }

    /// <summary>Another writer is met between a read and the commit over it.</summary>
    private static bool IsForCommits(FaultStep fault) => fault.Kind == FaultKind.Touch || fault is { Kind: FaultKind.OtherLane, After: false };

    private static bool WritesView(Commit commit)
    {
        foreach (ref readonly var entry in commit.Entries)
            if (!entry.Entry.Collection.StartsWith('$')) return true;
        return false;
    }

    private async ValueTask HappenAsync(FaultStep fault, Commit? commit, string when, CancellationToken cancellationToken)
    {
        switch (fault.Kind)
        {
            case FaultKind.Fails:
                run.Happened(ChaosFaults.FailingStore, when + (fault.After && commit is not null ? "its answer gets lost" : "the call fails"));
                throw Away("the call failed");
            case FaultKind.Away:
                _away = fault.Arg;
                run.Happened(ChaosFaults.FailingStore, $"{when}the store goes away for {fault.Arg + 1} calls");
                throw Away("the store is away");
            case FaultKind.Crash or FaultKind.Interrupt:
                HasEnded = fault.Kind == FaultKind.Crash;
                run.Happened(ChaosFaults.Crash, when + (HasEnded ? "the process ends" : "the call is cancelled"));
                await life.CancelAsync();
                life.Token.ThrowIfCancellationRequested();
                break;
            case FaultKind.TakeOver:
                run.Happened(ChaosFaults.TakeOver, $"{when}another process takes lane {lane} over");
                await run.TakeOverAsync(lane, count, indent + "  ", cancellationToken);
                break;
            case FaultKind.OtherLane when run.Lanes > 1:
                run.Happened(ChaosFaults.OtherWriter, $"{when}another lane writes");
                await run.DeliverOtherAsync((lane + 1 + (fault.Arg % (run.Lanes - 1))) % run.Lanes, indent + "  ", cancellationToken);
                break;
            case FaultKind.Touch when await TouchAsync(commit!, cancellationToken) is > 0 and var written:
                run.Happened(ChaosFaults.OtherWriter, $"{when}somebody writes {written} of its entries again, as they are");
                break;
            case FaultKind.Slow:
                run.Happened(ChaosFaults.SlowStore, $"{when}the store takes {s_slow.TotalSeconds} seconds");
                run.Clock.Advance(s_slow);
                break;
        }
    }

    /// <summary>The same values under other versions: the lane must look again, and come to the same.</summary>
    private async ValueTask<int> TouchAsync(Commit commit, CancellationToken cancellationToken)
    {
        var keys = new List<EntryKey>();
        foreach (ref readonly var entry in commit.Entries)
            if (!entry.Entry.Collection.StartsWith('$')) keys.Add(entry.Entry);
        var (found, touch) = (await run.Store.ReadAsync(keys.ToArray(), cancellationToken), new Commit(Commit.NewVersion()));
        for (var i = 0; i < found.Length; i++)
            if (!found[i].IsMissing) touch.Add(new CommitEntry(keys[i], EntryAction.Put, found[i].Version, found[i].Value) { ExpiresAt = found[i].ExpiresAt });
        if (touch.Entries.Length > 0) await run.Store.CommitAsync(touch, cancellationToken);
        return touch.Entries.Length;
    }

    private static BrookException Away(string what) => new($"Injected fault: {what}.") { IsTransient = true };
}
