using System.Globalization;
using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

internal static class PagingCases
{
    public static readonly ViewStoreCase[] All =
    [
        new("a collection that was never written has no entries", async store => await store.KeysAreAsync("nowhere", "", [], 1)),
        new("pages of any size give every entry once, as stored", async store =>
        {
            var keys = Keys(57);
            var version = await store.CommitAsync([.. keys.Select(key => Put(key, $"\"{key}\""))]);
            foreach (var size in (int[])[1, 2, 7, 56, 57, 58, 1000])
            {
                await store.KeysAreAsync(Things, "", keys, size);
                foreach (var (key, entry) in await store.PagesAsync(Things, "", size))
                {
                    store.Equal("the value in a page", $"\"{key}\"", Text(entry.Value));
                    store.Equal("the version in a page", version, entry.Version);
                }
            }
        }),
        new("a prefix gives the keys that begin with it, exactly", async store =>
        {
            string[] keys = ["a", "ab", "abc", "a:b", "a*", "a%", "a_", "a[b]", "a?", "a\\", "A", "AB", "á", "b", "ba", "日本", "日記", "😀1", "😀2"];
            await store.CommitAsync([.. keys.Select(key => Put(key, "1"))]);
            foreach (var prefix in (string[])["", "a", "ab", "abc", "abcd", "a:", "a*", "a%", "a_", "a[", "a?", "a\\", "A", "*", "%", "?", "_", "[a]", "日", "日本", "😀", "z"])
                foreach (var size in (int[])[1, 3, 100])
                    await store.KeysAreAsync(Things, prefix, keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)), size);
        }),
        new("a prefix of digits is a text as any other", async store =>
        {
            string[] keys = ["0", "00", "001", "0012340", "0012345", "0012350", "12340", "1.50", "-1", "1e3"];
            await store.CommitAsync([.. keys.Select(key => Put(key, "1"))]);
            foreach (var prefix in (string[])["0", "00", "001234", "0012340", "1", "12", "1.5", "-", "1e"])
                await store.KeysAreAsync(Things, prefix, keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)), 2);
        }),
        new("deleted entries are in no page", async store =>
        {
            var keys = Keys(20);
            await store.CommitAsync([.. keys.Select(key => Put(key, "1"))]);
            await store.CommitAsync([.. keys.Where((_, i) => i % 2 == 0).Select(key => Delete(key))]);
            await store.KeysAreAsync(Things, "", keys.Where((_, i) => i % 2 == 1), 3);
            await store.CommitAsync([.. keys.Select(key => Delete(key))]);
            await store.KeysAreAsync(Things, "", [], 3);
        }),
        new("entries there throughout come once while others are written and removed between pages", async store =>
        {
            foreach (var size in (int[])[1, 4, 13]) await ChangeBetweenPagesAsync(store, size);
        }),
        new("a page goes on when the last entry of the one before is removed", async store =>
        {
            var keys = Keys(30);
            await store.CommitAsync([.. keys.Select(key => Put(key, "1"))]);
            var seen = new List<string>();
            for (string? after = null; ;)
            {
                var page = await store.Store.ReadPageAsync(Things, "", after, 4, store.Cancellation);
                seen.AddRange(page.Entries.Select(entry => entry.Key));
                if ((after = page.Next) is null) break;
                await store.CommitAsync([.. page.Entries.Select(entry => Delete(entry.Key))]);
            }
            store.Same("the keys seen", keys.Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
        }),
    ];

    /// <summary>Half of the entries stay (some are overwritten); the rest come and go.</summary>
    private static async Task ChangeBetweenPagesAsync(StoreProbe store, int size)
    {
        var collection = string.Create(CultureInfo.InvariantCulture, $"changing{size}");
        var stay = Keys(40);
        await store.CommitAsync([.. stay.Select(key => Put(new EntryKey(collection, key), "1")), .. stay.Select(key => Put(new EntryKey(collection, key + "x"), "1"))]);
        var random = new Random(size);
        var seen = await store.PagesAsync(collection, "", size, async () =>
        {
            var entries = new Dictionary<EntryKey, CommitEntry>();
            for (var i = 0; i < 8; i++)
            {
                var key = stay[random.Next(stay.Length)];
                var other = new EntryKey(collection, key + (random.Next(2) == 0 ? "x" : $"y{random.Next(5)}"));
                entries[other] = random.Next(3) == 0 ? Put(other, "2") : new CommitEntry(other, EntryAction.Delete, null);
                entries[new(collection, key)] = Put(new EntryKey(collection, key), "2");
            }
            await store.CommitAsync([.. entries.Values]);
        });
        store.Same($"the keys that stayed, in pages of {size}", stay, seen.Select(entry => entry.Key).Where(key => stay.Contains(key)).Order(StringComparer.Ordinal));
    }

    private static string[] Keys(int count) => [.. Enumerable.Range(0, count).Select(i => i.ToString("D4", CultureInfo.InvariantCulture))];
}
