using System.Runtime.CompilerServices;
using Brook.Storage;
using Microsoft.Extensions.Logging;

namespace Brook;

/// <summary>
/// The store as a lane sees it. A store that is away is waited for, so it is never an event's failure. A commit whose answer got lost is settled by
/// reading its first entry, which is always a write: it carries the commit's version exactly if the commit landed.
/// </summary>
internal sealed class PatientStore(IViewStore store, BrookOptions options, TimeProvider time, ILogger logger, string lane) : IViewStore
{
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(5);

    private bool _isAlarm;

    /// <summary>How many times the store went away.</summary>
    public int Outages { get; private set; }

    /// <summary>It is away now.</summary>
    public bool IsAway { get; private set; }

    /// <summary>Why it is waited for; null: it is not. Others look at it.</summary>
    public string? Problem { get; private set; }

    public ValueTask StartAsync(CancellationToken cancellationToken) => store.StartAsync(cancellationToken);

    public async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try { return Back(await store.ReadAsync(keys, cancellationToken).ConfigureAwait(false)); }
            catch (Exception e) when (IsFailure(e, cancellationToken)) { await AwayAsync(e, attempt, cancellationToken).ConfigureAwait(false); }
        }
    }

    public async ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try { return Back(await store.ReadPageAsync(collection, prefix, after, size, cancellationToken).ConfigureAwait(false)); }
            catch (Exception e) when (IsFailure(e, cancellationToken)) { await AwayAsync(e, attempt, cancellationToken).ConfigureAwait(false); }
        }
    }

    public async ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try { return Back(await store.CountAsync(collection, cancellationToken).ConfigureAwait(false)); }
            catch (Exception e) when (IsFailure(e, cancellationToken)) { await AwayAsync(e, attempt, cancellationToken).ConfigureAwait(false); }
        }
    }

    /// <summary>As the store has it: no lane asks.</summary>
    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => store.ReadCollectionsAsync(cancellationToken);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var record in await ReadWholeLogAsync(entry, type, cancellationToken).ConfigureAwait(false)) yield return record;
    }

    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        for (var (attempt, inDoubt) = (1, false); ; attempt++)
        {
            try
            {
                if (inDoubt && (await store.ReadAsync(new[] { commit.Entries[0].Entry }, cancellationToken).ConfigureAwait(false))[0].Version == commit.Version) return Back(CommitResult.Committed);
                var result = await store.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
                return Back(inDoubt ? Settled(commit, result) : result);
            }
            catch (Exception e) when (IsFailure(e, cancellationToken))
            {
                inDoubt = true;
                await AwayAsync(e, attempt, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What the answer to a commit that is made again says of the first call.</summary>
    /// <exception cref="BrookException">That one landed in part.</exception>
    private static CommitResult Settled(Commit commit, CommitResult result)
    {
        var ours = result.Conflicts.Where(conflict => conflict.Current.Version == commit.Version).ToList();
        if (ours.Count == 0) return result;
        if (ours[0].Index == 0) return CommitResult.Committed;                  // it landed late
        if (result.Conflicts.Any(conflict => conflict.Index == 0)) return result;    // it landed, and another owner has moved the lane since
        var (there, missing) = (string.Join(", ", ours.Select(conflict => commit.Entries[conflict.Index].Entry)), commit.Entries[0].Entry);
        throw new BrookException($"The store has a part of a commit, which it must never have: {there} and not {missing}. The lane waits. Restore the store, or make the view anew: after a restart this batch would be applied a second time on top of that part.");
    }

    private async ValueTask<List<ReadOnlyMemory<byte>>> ReadWholeLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try { return Back(await store.ReadLogAsync(entry, type, cancellationToken).ToListAsync(cancellationToken).ConfigureAwait(false)); }
            catch (Exception e) when (IsFailure(e, cancellationToken)) { await AwayAsync(e, attempt, cancellationToken).ConfigureAwait(false); }
        }
    }

    private static bool IsFailure(Exception e, CancellationToken cancellationToken) => e is not OperationCanceledException || !cancellationToken.IsCancellationRequested;

    private T Back<T>(T answer)
    {
        if (!IsAway) return answer;
        (IsAway, Problem) = (false, null);
        Log.StoreBack(logger, lane);
        return answer;
    }

    /// <summary>Said at first, then now and again.</summary>
    public static void LogFailure(ILogger logger, string lane, int attempt, Exception error)
    {
        if (attempt != 1 && attempt % 10 != 0) return;
        if (IsTransient(error)) Log.StoreAway(logger, lane, attempt, error);
        else Log.StoreFails(logger, lane, attempt, error);
    }

    private static bool IsTransient(Exception error) => error is BrookException { IsTransient: true };

    private async ValueTask AwayAsync(Exception error, int attempt, CancellationToken cancellationToken)
    {
        Problem = error.Message;
        if (!IsAway)
        {
            IsAway = true;
            Outages++;
        }
        LogFailure(logger, lane, _isAlarm == IsTransient(error) ? 1 : attempt, error);      // at once when it is another kind of failure than before
        _isAlarm = !IsTransient(error);
        await Task.Delay(Backoff.Until(attempt, options.RetryDelay, MaxDelay), time, cancellationToken).ConfigureAwait(false);
    }
}
