using System.Collections.Concurrent;
using Brook.Expiring;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>Frees the memory of entries that have expired. Reads and commits do not see them from their end on, and a commit to their collection removes some; this is for collections that nobody writes to.</summary>
internal sealed class Sweeper : IAsyncDisposable
{
    private const int AtOnce = 500;
    private readonly ConcurrentDictionary<string, bool> _collections = new();
    private readonly RedisConnection _connection;
    private readonly RedisNames _names;
    private readonly TimeProvider _time;
    private readonly Sweeping _sweeping;

    public Sweeper(RedisConnection connection, RedisNames names, TimeProvider time, TimeSpan interval, ILogger logger)
    {
        (_connection, _names, _time) = (connection, names, time);
        _sweeping = new(SweepAsync, error => Log.SweepFailed(logger, error), time, interval);
    }

    /// <summary>Learns which collections have entries that expire, and begins.</summary>
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await LearnAsync(cancellationToken).ConfigureAwait(false);
        _sweeping.Start();
    }

    /// <summary>A commit gives the collection entries that end; other processes learn it from the set that the script keeps.</summary>
    public void Expect(ReadOnlySpan<CommitEntry> entries)
    {
        foreach (ref readonly var entry in entries)
            if (entry.ExpiresAt is not null) _collections.TryAdd(entry.Entry.Collection, true);
    }

    public ValueTask DisposeAsync() => _sweeping.DisposeAsync();

    private async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        await LearnAsync(cancellationToken).ConfigureAwait(false);
        foreach (var collection in _collections.Keys) await SweepAsync(_names.Of(collection), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask LearnAsync(CancellationToken cancellationToken)
    {
        foreach (var collection in await _connection.AskAsync(database => database.SetMembersAsync(_names.Expiring), cancellationToken).ConfigureAwait(false)) _collections.TryAdd(collection!, true);
    }

    private async ValueTask SweepAsync(CollectionNames of, CancellationToken cancellationToken)
    {
        while ((int)await _connection.RunAsync(Script.Sweep, [of.Entries, of.Index, of.Expiries], [_time.GetUtcNow().ToUnixTimeMilliseconds(), AtOnce, of.Logs], cancellationToken).ConfigureAwait(false) == AtOnce) { }
    }
}
