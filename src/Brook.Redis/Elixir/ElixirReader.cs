using System.Runtime.CompilerServices;
using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>Reads entries in Elixir's layout: some, a page, how many. Nothing lists a collection's keys there, so pages and counts scan the names of the whole database, a part at a time.</summary>
internal sealed class ElixirReader(RedisConnection connection, ElixirNames names, TimeProvider time)
{
    private const int MostInAPage = 1000, RememberedScans = 4;
    private readonly CollectionReader _own = new(connection, names.Own, time);
    private readonly Lock _lock = new();
    private readonly List<(string Id, string[] Keys)> _scans = [];        // the last used last

    public async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entries = new StoredEntry[keys.Length];
        if (keys.Length == 0) return entries;
        var places = Enumerable.Range(0, keys.Length).GroupBy(i => keys.Span[i].Collection).Select(group => group.ToArray()).ToArray();
        var theirs = Enumerable.Range(0, keys.Length).Where(i => !ElixirNames.IsOwn(keys.Span[i].Collection)).ToArray();
        var (states, rows, _) = await connection.FetchAsync(
            Array.ConvertAll(theirs, i => names.StateOf(keys.Span[i])),
            Array.ConvertAll(places, at => (HashOf(keys.Span[at[0]].Collection), Array.ConvertAll(at, i => (RedisValue)keys.Span[i].Key))), [], cancellationToken).ConfigureAwait(false);
        var stateOf = theirs.Zip(states).ToDictionary(found => found.First, found => (byte[]?)found.Second);
        var now = time.GetUtcNow();
        foreach (var (i, row) in places.SelectMany(at => at).Zip(rows))
            entries[i] = stateOf.TryGetValue(i, out var state) ? ElixirState.Read(state, (byte[]?)row, keys.Span[i], now) : Blob.Read((byte[]?)row, now, keys.Span[i]);
        return entries;
    }

    /// <summary>In the order of the keys. The first page finds the names, the others go through what it found; <paramref name="after"/> names the scan and the last key that was looked at.</summary>
    public async ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        if (ElixirNames.IsOwn(collection)) return await _own.ReadPageAsync(collection, prefix, after, size, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        var (id, last) = after?.IndexOf('/', StringComparison.Ordinal) is { } slash and >= 0 ? (after[..slash], after[(slash + 1)..]) : ("", after);
        if (Recall(id) is not { } keys)         // another process gave the page before, or it was long ago: what was there then is there now, or did not stay
        {
            keys = await KeysAsync(collection, prefix, cancellationToken).ConfigureAwait(false);
            Remember(id = Guid.NewGuid().ToString("N"), keys);
        }
        var from = last is null ? 0 : Array.BinarySearch(keys, last, StringComparer.Ordinal);
        from = last is null ? 0 : from < 0 ? ~from : from + 1;
        var asked = keys.AsSpan(from, Math.Min(Math.Min(size, MostInAPage), keys.Length - from)).ToArray();
        var found = await ReadAsync(Array.ConvertAll(asked, key => new EntryKey(collection, key)), cancellationToken).ConfigureAwait(false);
        var entries = asked.Zip(found, KeyValuePair.Create).Where(entry => !entry.Value.IsMissing).ToList();
        if (from + asked.Length < keys.Length) return new(entries, $"{id}/{asked[^1]}");
        Forget(id);
        return new(entries, null);
    }

    /// <summary>What has one possible owner and no end is counted by its name, the rest is looked at.</summary>
    public async ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        if (ElixirNames.IsOwn(collection)) return await _own.CountAsync(collection, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        var keys = await KeysAsync(collection, "", cancellationToken).ConfigureAwait(false);
        var ended = await connection.AskAsync(database => database.SortedSetRangeByScoreAsync(names.Ends, stop: time.GetUtcNow().ToUnixTimeMilliseconds()), cancellationToken).ConfigureAwait(false);
        var looks = ended.Select(member => member.ToString()).Where(member => member.StartsWith($"{collection}\0", StringComparison.Ordinal)).Select(member => member[(collection.Length + 1)..]).ToHashSet();
        looks.UnionWith(keys.Where(key => ElixirNames.IsAmbiguous(new(collection, key))));
        var count = keys.LongCount(key => !looks.Contains(key));
        foreach (var part in keys.Where(looks.Contains).Chunk(MostInAPage))
            count += (await ReadAsync(Array.ConvertAll(part, key => new EntryKey(collection, key)), cancellationToken).ConfigureAwait(false)).Count(entry => !entry.IsMissing);
        return count;
    }

    /// <summary>The names of all keys that begin with this text, some perhaps twice.</summary>
    public IAsyncEnumerable<string> ScanAsync(string beginning, CancellationToken cancellationToken) => connection.ScanAsync(beginning, names.Own.Id, cancellationToken);

    /// <summary>Where a name has several colons, the state in it says which one ends the collection.</summary>
    public async IAsyncEnumerable<string> ReadCollectionsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var own in _own.ReadCollectionsAsync(cancellationToken).ConfigureAwait(false)) yield return own;
        var seen = new HashSet<string>();
        await foreach (var name in ScanAsync(names.States, cancellationToken).ConfigureAwait(false))
        {
            var entry = name[names.States.Length..];
            if (entry.IndexOf(':', StringComparison.Ordinal) is not (>= 0 and var colon)) continue;
            var collection = entry[..colon];
            if (entry.IndexOf(':', colon + 1) >= 0)
            {
                if ((byte[]?)await connection.AskAsync(database => database.StringGetAsync(name), cancellationToken).ConfigureAwait(false) is not { } state) continue;
                if (ElixirState.OwnerOf(state, new(collection, entry[(colon + 1)..])) is var key && entry.EndsWith($":{key}", StringComparison.Ordinal)) collection = entry[..^(key.Length + 1)];
            }
            if (seen.Add(collection)) yield return collection;
        }
    }

    private RedisKey HashOf(string collection) => ElixirNames.IsOwn(collection) ? names.Own.Of(collection).Entries : names.RowsOf(collection);

    private async ValueTask<string[]> KeysAsync(string collection, string prefix, CancellationToken cancellationToken)
    {
        var keys = new HashSet<string>();
        var start = $"{names.States}{collection}:";
        await foreach (var name in ScanAsync(start + prefix, cancellationToken).ConfigureAwait(false)) keys.Add(name[start.Length..]);
        var sorted = keys.ToArray();
        Array.Sort(sorted, StringComparer.Ordinal);
        return sorted;
    }

    private string[]? Recall(string id)
    {
        lock (_lock)
        {
            if (_scans.FindIndex(scan => scan.Id == id) is var at && at < 0) return null;
            var scan = _scans[at];
            _scans.RemoveAt(at);
            _scans.Add(scan);
            return scan.Keys;
        }
    }

    private void Remember(string id, string[] keys)
    {
        lock (_lock)
        {
            _scans.Add((id, keys));
            if (_scans.Count > RememberedScans) _scans.RemoveAt(0);
        }
    }

    private void Forget(string id)
    {
        lock (_lock) _scans.RemoveAll(scan => scan.Id == id);
    }
}
