using System.Collections.Concurrent;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>Frees the memory of entries that have expired. Reads and commits do not see them from their end on, and a commit to their collection removes some; this is for collections that nobody writes to.</summary>
internal sealed class Sweeper(RedisConnection connection, RedisNames names, TimeProvider time, TimeSpan interval, ILogger logger) : IAsyncDisposable
{
    private const int AtOnce = 500;
    private readonly ConcurrentDictionary<string, bool> _collections = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task? _sweeping;

    /// <summary>Learns which collections have entries that expire, and begins.</summary>
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await LearnAsync(cancellationToken).ConfigureAwait(false);
        lock (_collections) _sweeping ??= SweepNowAndAgainAsync(_stopping.Token);
    }

    /// <summary>A commit gives the collection entries that end; other processes learn it from the set that the script keeps.</summary>
    public void Expect(ReadOnlySpan<CommitEntry> entries)
    {
        foreach (ref readonly var entry in entries)
            if (entry.ExpiresAt is not null) _collections.TryAdd(entry.Entry.Collection, true);
    }

    private async Task SweepNowAndAgainAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var timer = new PeriodicTimer(interval, time);
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            {
                try
                {
                    await LearnAsync(cancellationToken).ConfigureAwait(false);
                    foreach (var collection in _collections.Keys) await SweepAsync(names.Of(collection), cancellationToken).ConfigureAwait(false);
                }
                catch (BrookException e)
                {
                    if (!e.IsTransient) Log.SweepFailed(logger, e);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    private async ValueTask LearnAsync(CancellationToken cancellationToken)
    {
        foreach (var collection in await connection.AskAsync(database => database.SetMembersAsync(names.Expiring), cancellationToken).ConfigureAwait(false)) _collections.TryAdd(collection!, true);
    }

    private async ValueTask SweepAsync(CollectionNames of, CancellationToken cancellationToken)
    {
        while ((int)await connection.RunAsync(Script.Sweep, [of.Entries, of.Index, of.Expiries], [time.GetUtcNow().ToUnixTimeMilliseconds(), AtOnce, of.Logs], cancellationToken).ConfigureAwait(false) == AtOnce) { }
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_sweeping is not null) await _sweeping.ConfigureAwait(false);
    }
}
