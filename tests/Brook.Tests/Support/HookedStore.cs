using System.Runtime.CompilerServices;
using Brook.Storage;

namespace Brook.Tests.Support;

/// <summary>A store that tests look into: each call can be watched, delayed or made to fail, before it reaches the real one or after.</summary>
internal sealed class HookedStore(IViewStore? inner = null) : IViewStore, IViewStoreSignals
{
    public IViewStore Inner { get; } = inner ?? Stores.New();

    /// <summary>Before a start.</summary>
    public Func<Task> Starting { get; set; } = () => Task.CompletedTask;

    /// <summary>Before a read of entries, a page, a count or a log.</summary>
    public Func<EntryKey[], Task> Reading { get; set; } = _ => Task.CompletedTask;

    /// <summary>After a read of entries.</summary>
    public Func<EntryKey[], Task> HasRead { get; set; } = _ => Task.CompletedTask;

    /// <summary>Before a commit: throwing here is a commit that failed.</summary>
    public Func<Commit, Task> Committing { get; set; } = _ => Task.CompletedTask;

    /// <summary>After a commit that landed: throwing here is a lost answer.</summary>
    public Func<Commit, Task> Landed { get; set; } = _ => Task.CompletedTask;

    /// <summary>Before a watch.</summary>
    public Func<EntryKey, Task> Watching { get; set; } = _ => Task.CompletedTask;

    public static BrookException Away() => new("the store is away") { IsTransient = true };

    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await Starting();
        await Inner.StartAsync(cancellationToken);
    }

    public async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        await Reading(keys.ToArray());
        var found = await Inner.ReadAsync(keys, cancellationToken);
        await HasRead(keys.ToArray());
        return found;
    }

    public async ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        await Reading([new(collection, prefix)]);
        return await Inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    }

    public async ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        await Reading([new(collection, "")]);
        return await Inner.CountAsync(collection, cancellationToken);
    }

    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => Inner.ReadCollectionsAsync(cancellationToken);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Reading([entry]);
        await foreach (var record in Inner.ReadLogAsync(entry, type, cancellationToken)) yield return record;
    }

    public async ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
    {
        await Watching(entry);
        return Inner is IViewStoreSignals signals ? await signals.WatchAsync(entry, changed, cancellationToken) : null;
    }

    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        await Committing(commit);
        var result = await Inner.CommitAsync(commit, cancellationToken);
        if (result.IsCommitted) await Landed(commit);
        return result;
    }
}

internal static class StoreExtensions
{
    /// <summary>Writes an entry past the engine: another writer.</summary>
    public static async Task PutAsync(this IViewStore store, string collection, string key, string json)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(new(collection, key), EntryAction.Put, null, System.Text.Encoding.UTF8.GetBytes(json)));
        Assert.True((await store.CommitAsync(commit, TestContext.Current.CancellationToken)).IsCommitted);
    }

    /// <summary>Whether the commit writes to a collection (beginning with this).</summary>
    public static bool Writes(this Commit commit, string collection)
    {
        foreach (ref readonly var entry in commit.Entries)
            if (entry.Entry.Collection.StartsWith(collection, StringComparison.Ordinal) && entry.Action != EntryAction.Check) return true;
        return false;
    }
}
