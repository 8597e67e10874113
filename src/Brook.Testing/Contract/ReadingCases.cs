using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

internal static class ReadingCases
{
    public static readonly ViewStoreCase[] All =
    [
        new("starting again keeps what is stored", async store =>
        {
            var version = await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1");
            await store.Store.StartAsync(store.Cancellation);
            await store.Store.StartAsync(store.Cancellation);
            await store.HoldsAsync("a", "1", version);
            await store.LogIsAsync("a", null, "t=1");
        }),
        new("what was never written is missing", async store =>
        {
            await store.IsMissingAsync("a");
            await store.IsMissingAsync(new EntryKey("another", "a"));
            await store.CommitAsync(Put("b", "1"));
            await store.IsMissingAsync("a");
        }),
        new("several entries are read in the order asked, default for missing ones", async store =>
        {
            var version = await store.CommitAsync(Put("a", "1"), Put("b", "2"), Put(new EntryKey("others", "a"), "3"));
            var found = await store.ReadAsync([Thing("b"), Thing("missing"), new("others", "a"), Thing("a"), new("nowhere", "a")]);
            store.Same("the values read", ["2", "-", "3", "1", "-"], found.Select(entry => entry.IsMissing ? "-" : Text(entry.Value)));
            store.Same("the versions read", [$"{version}", "0", $"{version}", $"{version}", "0"], found.Select(entry => $"{entry.Version}"));
        }),
        new("an entry asked for twice is answered twice", async store =>
        {
            await store.CommitAsync(Put("a", "1"), Put("b", "2"));
            var found = await store.ReadAsync([Thing("a"), Thing("b"), Thing("a")]);
            store.Same("the values read", ["1", "2", "1"], found.Select(entry => Text(entry.Value)));
        }),
        new("asking for no entry answers none", async store => store.Equal("the entries answered", 0, (await store.ReadAsync([])).Length)),
        new("a stored null is an entry, not a missing one", async store =>
        {
            var version = await store.PutWithLogAsync(Thing("a"), "null", 9, "t=1");
            await store.HoldsAsync("a", "null", version);
            await store.CountIsAsync(1);
            await store.LogIsAsync("a", null, "t=1");
            store.Equal("the conflicts when the null is expected to be missing", 1, (await store.RefusedAsync(Put("a", "1", 0))).Count);
        }),
        new("collections that have entries are named once each", async store =>
        {
            store.Same("the collections of an empty store", [], await store.CollectionsAsync());
            await store.CommitAsync(Put("a", "1"), Put("b", "2"), Put(new EntryKey("others:of%25", "a"), "3"), Put(new EntryKey("$own:x/0", "1"), "4"));
            store.Same("the collections", ["$own:x/0", "others:of%25", "things"], await store.CollectionsAsync());
            await store.CommitAsync(Delete("a"), Delete("b"));
            store.Same("the collections that are left", ["$own:x/0", "others:of%25"], await store.CollectionsAsync());
        }),
        new("values come back byte for byte", async store =>
        {
            foreach (var json in (string[])["0", "\"\"", "{}", "{ \"b\" : 1,  \"a\":[1.50, -0.0, 1e400] }", "\"\\u00e9 é 日本 \\uD83D\\uDE00 😀 \\n\\t\\\"\"", "{\"a\":1,\"a\":2}", "123456789012345678901234567890"])
                await store.HoldsAsync("a", json, await store.CommitAsync(Put("a", json)));
        }),
        new("what was read stays as it was read when the entry is written again", async store =>
        {
            var first = await store.PutWithLogAsync(Thing("a"), "111", 1, "t=1");
            var (read, page) = (await store.ReadAsync("a"), (await store.PagesAsync(Things, "", 10))[0].Value);
            var refused = (await store.RefusedAsync(Check("a", 0)))[0].Current;
            for (var i = 0; i < 10; i++) await store.PutWithLogAsync(Thing("a"), "222", 1, "t=2");
            await store.CommitAsync(Delete("a"));
            foreach (var entry in (StoredEntry[])[read, page, refused])
            {
                store.Equal("the value read before", "111", Text(entry.Value));
                store.Equal("the version read before", first, entry.Version);
            }
        }),
        new("the count follows puts, overwrites and deletes", async store =>
        {
            await store.CountIsAsync(0);
            await store.CommitAsync(Put("a", "1"), Put("b", "1"), Put("c", "1"), Put(new EntryKey("others", "a"), "1"));
            await store.CountIsAsync(3);
            await store.CommitAsync(Put("a", "2"), Delete("b"), Delete("never there"));
            await store.CountIsAsync(2);
            await store.RefusedAsync(Put("d", "1"), Check("a", 0));
            await store.CountIsAsync(2);
            await store.CommitAsync(Delete("a"), Delete("c"));
            await store.CountIsAsync(0);
            await store.CountIsAsync(1, "others");
        }),
    ];
}
