using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>
/// Logs in Elixir's layout: a list per event type. <c>people:1:ref:create</c> can hold events of <c>people/1</c> (type <c>ref:create</c>) and of <c>people/1:ref</c> (type
/// <c>create</c>), even at once: each element says its type, and so whose it is.
/// </summary>
internal sealed class ElixirLogs(RedisConnection connection, ElixirNames names, ElixirReader reader, TimeProvider time)
{
    private readonly LogReader _own = new(connection, names.Own, time);

    public async ValueTask<List<ReadOnlyMemory<byte>>> ReadAsync(EntryKey entry, string? type, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (ElixirNames.IsOwn(entry.Collection)) return await _own.ReadAsync(entry, type, cancellationToken).ConfigureAwait(false);
        var types = type is null ? await TypesOfAsync(entry, cancellationToken).ConfigureAwait(false) : [type];
        var (states, rows, lists) = await connection.FetchAsync(
            [names.StateOf(entry)], [(names.RowsOf(entry.Collection), [entry.Key])], Array.ConvertAll(types, name => names.LogOf(entry, name)), cancellationToken).ConfigureAwait(false);
        if (ElixirState.Read((byte[]?)states[0], (byte[]?)rows[0], entry, time.GetUtcNow()).IsMissing) return [];
        return [.. InOrder(types.Zip(lists, (name, list) => ((byte[][])list!).Select(element => ElixirEvent.Read(element, entry)).Where(e => e.Type == name)))];
    }

    /// <summary>What a commit must remove for these of its entries to have no logs.</summary>
    public async ValueTask<Dictionary<int, LogRemoval>> FindAsync(Commit commit, IEnumerable<int> dropped, CancellationToken cancellationToken)
    {
        var removals = new Dictionary<int, LogRemoval>();
        foreach (var group in dropped.GroupBy(i => commit.Entries[i].Entry.Collection))
        {
            var (collection, indexes) = (group.Key, group.ToDictionary(i => commit.Entries[i].Entry.Key));
            var rows = await connection.AskAsync(database => database.HashGetAsync(names.RowsOf(collection), [.. indexes.Keys.Select(key => (RedisValue)key)]), cancellationToken).ConfigureAwait(false);
            foreach (var (i, row) in indexes.Values.Zip(rows)) removals.Add(i, new((byte[]?)row is { Length: > ElixirState.TypesAt } bytes ? bytes[ElixirState.TypesAt..] : []));
            foreach (var (key, type) in await ListsOfAsync(collection, [.. indexes.Keys], cancellationToken).ConfigureAwait(false))
                await AddAsync(removals[indexes[key]], new(collection, key), type, cancellationToken).ConfigureAwait(false);
        }
        return removals;
    }

    private async ValueTask<string[]> TypesOfAsync(EntryKey entry, CancellationToken cancellationToken)
    {
        var types = (await ListsOfAsync(entry.Collection, [entry.Key], cancellationToken).ConfigureAwait(false)).Select(list => list.Type).ToArray();
        Array.Sort(types, StringComparer.Ordinal);
        return types;
    }

    /// <summary>The lists whose names may be those of logs of these entries: one scan, however many they are.</summary>
    private async ValueTask<HashSet<(string Key, string Type)>> ListsOfAsync(string collection, HashSet<string> keys, CancellationToken cancellationToken)
    {
        var lists = new HashSet<(string, string)>();
        var start = $"{names.Events}{collection}:";
        await foreach (var name in reader.ScanAsync(keys.Count == 1 ? $"{start}{keys.First()}:" : start, cancellationToken).ConfigureAwait(false))
            for (var at = name.IndexOf(':', start.Length); at >= 0; at = name.IndexOf(':', at + 1))
                if (keys.Contains(name[start.Length..at])) lists.Add((name[start.Length..at], name[(at + 1)..]));
        return lists;
    }

    /// <summary>The list when no other entry could use it, else the elements in it that are this one's.</summary>
    private async ValueTask AddAsync(LogRemoval removal, EntryKey entry, string type, CancellationToken cancellationToken)
    {
        var list = names.LogOf(entry, type);
        RedisKey[] others = [.. names.OtherOwnersOf(entry, type)];
        if (others.Length == 0 || await connection.AskAsync(database => database.KeyExistsAsync(others), cancellationToken).ConfigureAwait(false) == 0)
        {
            removal.Lists.Add(list);
            return;
        }
        foreach (var element in await connection.AskAsync(database => database.ListRangeAsync(list), cancellationToken).ConfigureAwait(false))
            if (ElixirEvent.Read((byte[])element!, entry).Type == type) removal.Elements.Add((list, (byte[])element!));
    }

    /// <summary>By the time of the events; of equal times, and of a list whose times go back, as they were appended. What has no time belongs to what stands before it.</summary>
    private static IEnumerable<ReadOnlyMemory<byte>> InOrder(IEnumerable<IEnumerable<ElixirEvent>> lists)
    {
        var events = new List<(long At, ReadOnlyMemory<byte> Record)>();
        foreach (var list in lists)
        {
            var at = long.MinValue;
            foreach (var e in list) events.Add((at = Math.Max(at, e.At ?? at), e.Record));
        }
        return events.OrderBy(e => e.At).Select(e => e.Record);
    }
}
