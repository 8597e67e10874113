using System.Text;
using Brook.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Brook.Tests.Shared;

/// <summary>A store against the reference: any commits, and both answer the same and hold the same. For test projects of stores, which link this file.</summary>
internal static class StoreEquivalence
{
    private static readonly string[] s_collections = ["a", "a:b", "b%"], s_keys = ["k", "k:1", "l", "m", "n"], s_types = ["t", "u", "t:u"];

    public static async Task HoldsAsync(IViewStore store, FakeTimeProvider time, int seed)
    {
        var (random, token) = (new Random(seed), TestContext.Current.CancellationToken);
        var reference = new InMemoryViewStore(time);
        await store.StartAsync(token);
        var versions = new Dictionary<EntryKey, long>();
        var (committed, refused) = (0, 0);
        for (var i = 0; i < 400; i++)
        {
            var commit = Make(random, versions, time.GetUtcNow(), keepSmall: i % 2 == 0);
            var expected = await reference.CommitAsync(commit, token);
            var actual = await store.CommitAsync(commit, token);
            Assert.Equal(Show(expected), Show(actual));
            if (expected.IsCommitted) committed++;
            else refused++;
            foreach (var entry in commit.Entries)
                if (expected.IsCommitted && entry.Action != EntryAction.Check) versions[entry.Entry] = entry.Action == EntryAction.Put ? commit.Version : 0;
            time.Advance(TimeSpan.FromSeconds(random.Next(3)));
            if (i % 20 == 0) Assert.Equal(await ShowAsync(reference, token), await ShowAsync(store, token));
        }
        Assert.Equal(await ShowAsync(reference, token), await ShowAsync(store, token));
        Assert.True(committed > 100 && refused > 50, $"{committed} committed, {refused} refused");
    }

    private static Commit Make(Random random, Dictionary<EntryKey, long> versions, DateTimeOffset now, bool keepSmall)
    {
        var commit = new Commit(Commit.NewVersion());
        var entries = s_collections.SelectMany(collection => s_keys.Select(key => new EntryKey(collection, key))).Where(_ => random.Next(3) == 0).ToArray();
        random.Shuffle(entries);
        foreach (var entry in entries)
        {
            long? expected = random.Next(4) switch { 0 => null, 1 => random.Next(8) == 0 ? 77 : null, _ => versions.GetValueOrDefault(entry) };
            var action = random.Next(10) switch { 0 => EntryAction.Check, < 3 => EntryAction.Delete, _ => EntryAction.Put };
            var value = action == EntryAction.Put ? Encoding.UTF8.GetBytes($"{random.Next(1000)}") : default(ReadOnlyMemory<byte>);
            var index = commit.Add(new CommitEntry(entry, action, expected, value) { DropLog = action == EntryAction.Put && random.Next(6) == 0, ExpiresAt = action == EntryAction.Put && random.Next(4) == 0 ? now.AddSeconds(random.Next(1, 30)) : null });
            if (action != EntryAction.Put) continue;
            for (var n = random.Next(5); n > 0; n--) commit.Add(new CommitAppend(index, s_types[random.Next(s_types.Length)], Encoding.UTF8.GetBytes($"{random.Next(1000)}"), keepSmall ? random.Next(1, 5) : random.Next(8) == 0 ? BrookOptions.KeepAll : 12));
        }
        return commit;
    }

    private static string Show(CommitResult result) => result.IsCommitted ? "committed" : string.Join(", ", result.Conflicts.OrderBy(conflict => conflict.Index).Select(conflict => $"{conflict.Index}: {Show(conflict.Current)}"));

    private static string Show(StoredEntry entry) => $"{entry.Version} {Encoding.UTF8.GetString(entry.Value.Span)} {entry.ExpiresAt:O}";

    private static async Task<string> ShowAsync(IViewStore store, CancellationToken token)
    {
        var text = new StringBuilder();
        foreach (var collection in s_collections)
        {
            text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"{collection}: {await store.CountAsync(collection, token)}");
            var page = await store.ReadPageAsync(collection, "", null, 100, token);
            foreach (var (key, entry) in page.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"  {key} {Show(entry)}");
                await foreach (var record in store.ReadLogAsync(new(collection, key), null, token)) text.Append(Encoding.UTF8.GetString(record.Span)).Append(' ');
            }
        }
        return text.ToString();
    }
}
