using System.Globalization;
using Brook.Lanes;

namespace Brook.Storage;

/// <summary>Moves a view from one store to another.</summary>
public static class ViewStoreCopying
{
    private const int AtOnce = 200, BytesAtOnce = 1 << 20, BytesOfRecord = 100;     // a record is a row as well
    private static readonly EntryKey s_unfinished = new("$copying", "copy");

    /// <summary>
    /// Copies a whole view: entries with their ends and logs, and Brook's own rows, so that lanes go on at the exact position. Stop the instance first, on every node: what lanes
    /// write meanwhile is noticed at the end, and the copy then is not to be used. Positions are copied last; a copy that was broken off can be begun again, and is refused for anything else until then.
    /// Both stores must have been started. Values and events are copied as the source gives them.
    /// </summary>
    /// <param name="source">The view.</param>
    /// <param name="target">A store that holds nothing, or a copy of this view that was broken off.</param>
    /// <param name="cancellationToken">Breaks it off.</param>
    /// <returns>How many entries and log records were copied.</returns>
    /// <exception cref="BrookException">The target holds something, the source was written meanwhile, a log record is no event, or a store fails.</exception>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static async Task<ViewCopy> CopyToAsync(this IViewStore source, IViewStore target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        await BeginAsync(target, cancellationToken).ConfigureAwait(false);
        var before = await WrittenAsync(source, cancellationToken).ConfigureAwait(false);
        var (entries, records) = (0L, 0L);
        var collections = new List<string>();
        await foreach (var collection in source.ReadCollectionsAsync(cancellationToken).ConfigureAwait(false)) collections.Add(collection);
        foreach (var collection in collections.OrderBy(collection => collection == LaneState.Collection))
        {
            string? after = null;
            do
            {
                var page = await source.ReadPageAsync(collection, "", after, AtOnce, cancellationToken).ConfigureAwait(false);
                after = page.Next;
                if (page.Entries.Count == 0) continue;
                records += await CopyAsync(source, target, collection, page.Entries, cancellationToken).ConfigureAwait(false);
                entries += page.Entries.Count;
            }
            while (after is not null);
        }
        var now = await WrittenAsync(source, cancellationToken).ConfigureAwait(false);
        if (!before.SequenceEqual(now)) throw new BrookException("The view was written while it was copied, so the copy is not whole. Stop the instance on every node and copy again; the target is refused for anything else until then.");
        await EndAsync(target, cancellationToken).ConfigureAwait(false);
        return new(entries, records);
    }

    /// <summary>The store holds a part of a copy.</summary>
    internal static async ValueTask<bool> IsUnfinishedAsync(IViewStore store, CancellationToken cancellationToken) => !(await store.ReadAsync(new[] { s_unfinished }, cancellationToken).ConfigureAwait(false))[0].IsMissing;

    /// <summary>A long log, like many of them, goes over in several commits.</summary>
    private static async Task<long> CopyAsync(IViewStore source, IViewStore target, string collection, IReadOnlyList<KeyValuePair<string, StoredEntry>> page, CancellationToken cancellationToken)
    {
        var (commit, bytes, records) = (new Commit(Commit.NewVersion()), 0, 0L);
        foreach (var (key, entry) in page)
        {
            var put = new CommitEntry(new(collection, key), EntryAction.Put, null, entry.Value) { DropLog = true, ExpiresAt = entry.ExpiresAt };
            if (bytes >= BytesAtOnce) await NextAsync().ConfigureAwait(false);
            var index = commit.Add(put);
            bytes += entry.Value.Length;
            if (collection.StartsWith('$')) continue;           // Brook's own rows have no log
            await foreach (var record in source.ReadLogAsync(put.Entry, null, cancellationToken).ConfigureAwait(false))
            {
                if (bytes >= BytesAtOnce)
                {
                    await NextAsync().ConfigureAwait(false);
                    index = commit.Add(put with { DropLog = false });
                }
                commit.Add(new CommitAppend(index, TypeOf(record, collection, key), record, BrookOptions.KeepAll));
                bytes += record.Length + BytesOfRecord;
                records++;
            }
        }
        await NextAsync().ConfigureAwait(false);
        return records;

        async ValueTask NextAsync()
        {
            cancellationToken.ThrowIfCancellationRequested();   // not every store looks
            await target.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
            (commit, bytes) = (new Commit(Commit.NewVersion()), 0);
        }
    }

    private static string TypeOf(ReadOnlyMemory<byte> record, string collection, string key)
        => EventEnvelope.Read(record, default, default) is { Error: null, Type: { Length: > 0 } type } ? type : throw new BrookException($"A log record of {collection}/{key} is no event of Brook's, so it cannot be copied. Remove that log, or the entry, from the source.");

    private static async Task BeginAsync(IViewStore target, CancellationToken cancellationToken)
    {
        var again = await IsUnfinishedAsync(target, cancellationToken).ConfigureAwait(false);
        await foreach (var collection in target.ReadCollectionsAsync(cancellationToken).ConfigureAwait(false))
            if (again && collection != s_unfinished.Collection) await target.ClearAsync(collection, cancellationToken).ConfigureAwait(false);
            else if (!again && await target.CountAsync(collection, cancellationToken).ConfigureAwait(false) is > 0 and var count)
                throw new BrookException(string.Create(CultureInfo.InvariantCulture, $"The target is not empty: its collection '{collection}' has {count:N0} entries. Copy into a store that holds nothing (another namespace, schema or file), or clear it first."));
        await WriteAsync(target, EntryAction.Put, cancellationToken).ConfigureAwait(false);
    }

    private static Task EndAsync(IViewStore target, CancellationToken cancellationToken) => WriteAsync(target, EntryAction.Delete, cancellationToken);

    private static async Task WriteAsync(IViewStore target, EntryAction action, CancellationToken cancellationToken)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(s_unfinished, action, null, action == EntryAction.Put ? "true"u8.ToArray() : default));
        await target.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What differs after any lane's commit: lanes with one owner write their entry, shared ones add message ids.</summary>
    private static async Task<List<(string Name, long Version)>> WrittenAsync(IViewStore source, CancellationToken cancellationToken)
    {
        var written = new List<(string Name, long Version)>();
        await foreach (var collection in source.ReadCollectionsAsync(cancellationToken).ConfigureAwait(false))
            if (collection.StartsWith("$applied:", StringComparison.Ordinal)) written.Add((collection, await source.CountAsync(collection, cancellationToken).ConfigureAwait(false)));
        string? after = null;
        do
        {
            var page = await source.ReadPageAsync(LaneState.Collection, "", after, AtOnce, cancellationToken).ConfigureAwait(false);
            written.AddRange(page.Entries.Select(lane => (lane.Key, lane.Value.Version)));
            after = page.Next;
        }
        while (after is not null);
        written.Sort();
        return written;
    }
}

/// <summary>What was copied.</summary>
/// <param name="Entries">Entries, Brook's own rows among them.</param>
/// <param name="Records">Log records.</param>
public readonly record struct ViewCopy(long Entries, long Records);
