using System.Globalization;
using System.Text;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>A store under test, asked in few words; a wrong answer is an exception that says what was expected.</summary>
internal sealed class StoreProbe(string @case, IViewStore store, SettableClock? clock, CancellationToken cancellationToken)
{
    public const string Things = "things";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public IViewStore Store => store;
    public CancellationToken Cancellation => cancellationToken;

    public static EntryKey Thing(string key) => new(Things, key);
    public static ReadOnlyMemory<byte> Json(string text) => Encoding.UTF8.GetBytes(text);
    public static string Text(ReadOnlyMemory<byte> json) => Encoding.UTF8.GetString(json.Span);
    public static CommitEntry Put(EntryKey entry, string json, long? expected = null) => new(entry, EntryAction.Put, expected, Json(json));
    public static CommitEntry Put(string key, string json, long? expected = null) => Put(Thing(key), json, expected);
    public static CommitEntry Delete(string key, long? expected = null) => new(Thing(key), EntryAction.Delete, expected);
    public static CommitEntry Check(string key, long? expected) => new(Thing(key), EntryAction.Check, expected);

    public static Commit CommitOf(params ReadOnlySpan<CommitEntry> entries)
    {
        var commit = new Commit(Commit.NewVersion());
        foreach (ref readonly var entry in entries) commit.Add(in entry);
        return commit;
    }

    /// <summary>Commits, which must not be refused; gives the version written.</summary>
    public async Task<long> CommitAsync(params CommitEntry[] entries) => await CommitAsync(CommitOf(entries));

    public async Task<long> CommitAsync(Commit commit)
    {
        var result = await store.CommitAsync(commit, cancellationToken);
        if (!result.IsCommitted) throw Broken("the answer to a commit whose expectations hold", "committed", $"refused for {Show(result.Conflicts)}");
        Equal("the conflicts of a commit that was not refused", 0, result.Conflicts.Count);
        return commit.Version;
    }

    /// <summary>Commits, which must be refused; gives the conflicts, by index.</summary>
    public async Task<IReadOnlyList<EntryConflict>> RefusedAsync(params CommitEntry[] entries) => await RefusedAsync(CommitOf(entries));

    public async Task<IReadOnlyList<EntryConflict>> RefusedAsync(Commit commit)
    {
        var result = await store.CommitAsync(commit, cancellationToken);
        if (result.IsCommitted) throw Broken("the answer to a commit with an expectation that does not hold", "refused", "committed");
        return [.. result.Conflicts.OrderBy(conflict => conflict.Index)];
    }

    /// <summary>What a caller does whose call failed in a way that may pass: looks whether it landed, and repeats it.</summary>
    public async Task<CommitResult> CommitPatientlyAsync(Commit commit)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                if (attempt > 0 && (await ReadAsync(commit.Entries[0].Entry)).Version == commit.Version) return CommitResult.Committed;
                return await store.CommitAsync(commit, cancellationToken);
            }
            catch (BrookException e) when (e.IsTransient && attempt < 100)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(20)), cancellationToken);
            }
        }
    }

    /// <summary>Puts the entry, and appends records "type=record" to its log.</summary>
    public async Task<long> PutWithLogAsync(EntryKey entry, string json, int keep, params string[] records)
    {
        var commit = CommitOf(Put(entry, json));
        foreach (var record in records) Append(commit, 0, record, keep);
        return await CommitAsync(commit);
    }

    public static void Append(Commit commit, int index, string record, int keep)
        => commit.Add(new CommitAppend(index, record[..record.IndexOf('=', StringComparison.Ordinal)], Json($"\"{record}\""), keep));

    public async Task<StoredEntry> ReadAsync(EntryKey entry) => (await ReadAsync([entry]))[0];

    public Task<StoredEntry> ReadAsync(string key) => ReadAsync(Thing(key));

    public async Task<StoredEntry[]> ReadAsync(EntryKey[] entries)
    {
        var found = await store.ReadAsync(entries, cancellationToken);
        Equal("the number of entries that a read answers", entries.Length, found.Length);
        return found;
    }

    public async Task HoldsAsync(EntryKey entry, string json, long version)
    {
        var found = await ReadAsync(entry);
        Equal($"the value of {Show(entry)}", json, found.IsMissing ? "(missing)" : Text(found.Value));
        Equal($"the version of {Show(entry)}", version, found.Version);
    }

    public Task HoldsAsync(string key, string json, long version) => HoldsAsync(Thing(key), json, version);

    public async Task IsMissingAsync(EntryKey entry)
    {
        var found = await ReadAsync(entry);
        if (found != default) throw Broken($"what is at {Show(entry)}", "nothing (default)", Show(found));
    }

    public Task IsMissingAsync(string key) => IsMissingAsync(Thing(key));

    /// <summary>The log, of one type or all, must be these records.</summary>
    public async Task LogIsAsync(EntryKey entry, string? type, params string[] records)
    {
        var found = new List<string>();
        await foreach (var record in store.ReadLogAsync(entry, type, cancellationToken)) found.Add(Text(record).Trim('"'));
        Same($"the log of {Show(entry)}, {(type is null ? "all types" : $"type {type}")}", records, found);
    }

    public Task LogIsAsync(string key, string? type, params string[] records) => LogIsAsync(Thing(key), type, records);

    /// <summary>Sorted.</summary>
    public async Task<IReadOnlyList<string>> CollectionsAsync()
    {
        var collections = new List<string>();
        await foreach (var collection in store.ReadCollectionsAsync(cancellationToken)) collections.Add(collection);
        collections.Sort(StringComparer.Ordinal);
        return collections;
    }

    public async Task CountIsAsync(long count, string collection = Things) => Equal($"the count of {collection}", count, await store.CountAsync(collection, cancellationToken));

    /// <summary>All pages; none is larger than asked.</summary>
    public async Task<List<KeyValuePair<string, StoredEntry>>> PagesAsync(string collection, string prefix, int size, Func<Task>? between = null)
    {
        var entries = new List<KeyValuePair<string, StoredEntry>>();
        for (string? after = null; ;)
        {
            var page = await store.ReadPageAsync(collection, prefix, after, size, cancellationToken);
            if (page.Entries.Count > size) throw Broken("the entries of a page", $"{size} at most", page.Entries.Count.ToString(CultureInfo.InvariantCulture));
            entries.AddRange(page.Entries);
            if ((after = page.Next) is null) return entries;
            if (between is not null) await between();
        }
    }

    /// <summary>The keys of a prefix, each once, in whatever order.</summary>
    public async Task KeysAreAsync(string collection, string prefix, IEnumerable<string> keys, int size = 100)
        => Same($"the keys of {collection} that begin with \"{prefix}\", in pages of {size}", keys.Order(StringComparer.Ordinal), (await PagesAsync(collection, prefix, size)).Select(entry => entry.Key).Order(StringComparer.Ordinal));

    /// <summary>Soon for a store on the contract's clock; a store with its own is waited for.</summary>
    public DateTimeOffset InAWhile() => (clock ?? TimeProvider.System).GetUtcNow() + (clock is null ? TimeSpan.FromSeconds(1) : TimeSpan.FromHours(1));

    /// <summary>Lets time go by until a moment is past.</summary>
    public async Task UntilAsync(DateTimeOffset moment, EntryKey expiring)
    {
        if (clock is not null)
        {
            clock.Now = moment;
            return;
        }
        for (var started = TimeProvider.System.GetTimestamp(); !(await ReadAsync(expiring)).IsMissing && TimeProvider.System.GetElapsedTime(started) < Patience;)
            await Task.Delay(20, cancellationToken);
    }

    public void Equal<T>(string what, T expected, T actual)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual)) throw Broken(what, Show(expected), Show(actual));
    }

    public void Same(string what, IEnumerable<string> expected, IEnumerable<string> actual)
    {
        var (wanted, found) = (expected.ToList(), actual.ToList());
        if (!wanted.SequenceEqual(found)) throw Broken(what, $"{wanted.Count}: {Show(wanted)}", $"{found.Count}: {Show(found)}");
    }

    public ViewStoreContractException Broken(string what, string expected, string actual) => new(Message(@case, what, expected, actual));

    public static string Message(string @case, string what, string expected, string actual)
        => $"The store breaks the contract in the case \"{@case}\".\n  what:     {what}\n  expected: {expected}\n  actual:   {actual}";

    private static string Show(IReadOnlyList<EntryConflict> conflicts) => string.Join(", ", conflicts.Take(5).Select(conflict => $"entry {conflict.Index}, now {Show(conflict.Current)}"));
    private static string Show(StoredEntry entry) => entry.IsMissing ? "missing" : string.Create(CultureInfo.InvariantCulture, $"{Cut(Text(entry.Value))} with version {entry.Version}{(entry.ExpiresAt is { } at ? $", expires {at:O}" : "")}");
    private static string Show(EntryKey entry) => Cut(entry.ToString());
    private static string Show(List<string> texts) => $"[{string.Join(", ", texts.Take(20).Select(Cut))}{(texts.Count > 20 ? ", ..." : "")}]";
    private static string Show<T>(T value) => value is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : Cut(value?.ToString() ?? "null");
    private static string Cut(string text) => text.Length > 200 ? $"{text[..200]}... ({text.Length:N0} characters)" : text;
}
