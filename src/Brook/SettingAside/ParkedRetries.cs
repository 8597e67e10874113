using Brook.Lanes;

namespace Brook;

/// <summary>
/// Tries a lane's rows again by itself, in the process that holds the lane: the first of each key when it is due, and what stands behind it. A task of the lane's own, which
/// lives while there are rows to try.
/// </summary>
internal sealed class ParkedRetries(LaneContext lane, HeldRows held) : IAsyncDisposable
{
    private static readonly TimeSpan GraceAtStop = TimeSpan.FromSeconds(5);
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task _working = Task.CompletedTask;
    private bool _isWorking;

    /// <summary>There may be rows to try.</summary>
    public void Wake()
    {
        if (held.Count == 0 || lane.Options.ParkedRetryDelay == TimeSpan.Zero) return;
        lock (_lock)
        {
            if (_isWorking || _stopping.IsCancellationRequested) return;
            _isWorking = true;
            _working = Task.Run(() => WorkAsync(_stopping.Token));
        }
    }

    /// <summary>Ends it; a handler that does not return is left behind.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(_working, Task.Delay(GraceAtStop, TimeProvider.System, CancellationToken.None)).ConfigureAwait(false);
    }

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        while (Next() is { } due)
        {
            var wait = due - lane.Time.GetUtcNow();
            var longest = lane.Options.ParkedRetryDelay * 0.8;  // a row that comes meanwhile is not due earlier than that
            if (wait > TimeSpan.Zero) await Task.Delay(wait < longest ? wait : longest, lane.Time, cancellationToken).ConfigureAwait(false);
            else await RetryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private DateTimeOffset? Next()
    {
        lock (_lock)
        {
            var due = held.NextDue();
            _isWorking = due is not null;
            return due;
        }
    }

    private async Task RetryAsync(CancellationToken cancellationToken)
    {
        var tally = new RetryTally();
        try
        {
            var due = held.DueAt(lane.Time.GetUtcNow());
            while (due.Count > 0)
            {
                var some = TakeSome(due);
                await lane.Engine.RetrierOf(lane.Name).RetryAsync((over, parking) => held.ReleasedAt is { } seen && seen != parking
                    ? ParkedScan.WithTheirKeysAsync(lane.Engine.Store, lane.Options, lane.Name, some, cancellationToken)       // others have released rows, or the store has some again
                    : new(RowsOf(some, over)), null, tally, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.RetriesFail(lane.Logger, lane.Name, e);
        }
        held.Postpone(lane.Time.GetUtcNow(), lane.Options.ParkedRetryDelay);
    }

    /// <summary>As many keys as have the rows of a batch; one at least.</summary>
    private List<HeldRow> TakeSome(List<HeldRow> due)
    {
        var (count, rows) = (0, 0);
        do rows += due[count].Holds is { } key ? held.RowsOf(key).Count : 1;
        while (++count < due.Count && rows < lane.Options.BatchEvents);
        var some = due.GetRange(0, count);
        due.RemoveRange(0, count);
        return some;
    }

    /// <summary>The first rows of these keys as they are known now.</summary>
    private List<HeldRow> RowsOf(List<HeldRow> firsts, RetryTally tally)
    {
        var rows = new List<HeldRow>();
        foreach (var first in firsts)
        {
            if (first.Holds is not { } key) rows.Add(first);
            else if (!tally.Blocks(key)) rows.AddRange(held.RowsOf(key).Where(row => !tally.IsOver(row, key)).Take(lane.Options.BatchEvents).Select(row => first with { RowId = row }));
        }
        rows.Sort(static (one, other) => string.CompareOrdinal(one.RowId, other.RowId));
        return rows;
    }
}
