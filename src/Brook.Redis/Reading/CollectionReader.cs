using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>Reads entries: some, a page, how many. No call takes the server longer than about a millisecond, however large the collection.</summary>
internal sealed class CollectionReader(RedisConnection connection, RedisNames names, TimeProvider time)
{
    private const int MostInAPage = 1000;

    public async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entries = new StoredEntry[keys.Length];
        if (keys.Length == 0) return entries;
        var places = Places(keys.Span);
        var found = places.Count == 1
            ? [await connection.AskAsync(database => database.HashGetAsync(names.Of(keys.Span[0].Collection).Entries, Fields(keys.Span, places[keys.Span[0].Collection])), cancellationToken).ConfigureAwait(false)]
            : await ReadTogetherAsync(keys, places, cancellationToken).ConfigureAwait(false);
        var now = time.GetUtcNow();
        foreach (var (group, at) in places.Values.Index())
            for (var i = 0; i < at.Count; i++) entries[at[i]] = Read(found[group][i], now, keys.Span[at[i]]);
        return entries;
    }

    /// <summary>Those that have an index, in no order.</summary>
    public async IAsyncEnumerable<string> ReadCollectionsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var seen = new HashSet<string>();
        await foreach (var index in connection.ScanAsync(names.Indexes, names.Id, cancellationToken).ConfigureAwait(false))
            if (seen.Add(index)) yield return names.CollectionOf(index);
    }

    /// <summary>In the order of the keys' bytes. <paramref name="after"/> is the last key that was looked at.</summary>
    public async ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        size = Math.Min(size, MostInAPage);
        var of = names.Of(collection);
        var found = (RedisResult[])(await connection.RunAsync(Script.Page, [of.Index, of.Entries], [From(prefix, after), To(prefix), size], cancellationToken).ConfigureAwait(false))!;
        if (found.Length == 0) return new([], null);
        var (keys, blobs) = ((string[])found[0]!, (RedisValue[])found[1]!);
        var now = time.GetUtcNow();
        var entries = new List<KeyValuePair<string, StoredEntry>>(keys.Length);
        for (var i = 0; i < keys.Length; i++)
            if (Read(blobs[i], now, new(collection, keys[i])) is { IsMissing: false } entry) entries.Add(new(keys[i], entry));
        return new(entries, keys.Length == size ? keys[^1] : null);
    }

    /// <summary>All but the expired ones. They are counted before and after: meanwhile some may have been removed.</summary>
    public async ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        var (of, now) = (names.Of(collection), time.GetUtcNow().ToUnixTimeMilliseconds());
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (before, all, after) = await connection.AskAsync(async database =>
            {
                var (first, count, last) = (Expired(database), database.HashLengthAsync(of.Entries), Expired(database));
                return (await first.ConfigureAwait(false), await count.ConfigureAwait(false), await last.ConfigureAwait(false));
            }, cancellationToken).ConfigureAwait(false);
            if (before == after) return all - after;
        }

        Task<long> Expired(IDatabase database) => database.SortedSetLengthAsync(of.Expiries, double.NegativeInfinity, now);
    }

    /// <summary>Several collections at one moment: no commit is seen in part.</summary>
    private async ValueTask<RedisValue[][]> ReadTogetherAsync(ReadOnlyMemory<EntryKey> keys, Dictionary<string, List<int>> places, CancellationToken cancellationToken)
    {
        var (_, rows, _) = await connection.FetchAsync([], [.. places.Select(group => (names.Of(group.Key).Entries, Fields(keys.Span, group.Value)))], [], cancellationToken).ConfigureAwait(false);
        var (found, from) = (new List<RedisValue[]>(places.Count), 0);
        foreach (var group in places.Values) found.Add(rows[from..(from += group.Count)]);
        return [.. found];
    }

    private static Dictionary<string, List<int>> Places(ReadOnlySpan<EntryKey> keys)
    {
        var places = new Dictionary<string, List<int>>();
        for (var i = 0; i < keys.Length; i++)
        {
            ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(places, keys[i].Collection, out _);
            (list ??= []).Add(i);
        }
        return places;
    }

    private static RedisValue[] Fields(ReadOnlySpan<EntryKey> keys, List<int> places)
    {
        var fields = new RedisValue[places.Count];
        for (var i = 0; i < fields.Length; i++) fields[i] = keys[places[i]].Key;
        return fields;
    }

    private static StoredEntry Read(RedisValue blob, DateTimeOffset now, EntryKey key) => blob.IsNull ? default : Blob.Read((byte[])blob!, now, key);

    // StackExchange.Redis' own range call takes keys that look like numbers for numbers, and then swaps the ends.
    private static RedisValue From(string prefix, string? after) => after is not null ? $"({after}" : prefix.Length > 0 ? $"[{prefix}" : "-";

    /// <summary>UTF-8 has no byte 255, so it ends a prefix.</summary>
    private static RedisValue To(string prefix)
    {
        if (prefix.Length == 0) return "+";
        var to = new byte[Encoding.UTF8.GetByteCount(prefix) + 2];
        to[0] = (byte)'(';
        Encoding.UTF8.GetBytes(prefix, to.AsSpan(1));
        to[^1] = 255;
        return to;
    }
}
