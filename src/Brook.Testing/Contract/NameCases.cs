using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

/// <summary>Names that broke other stores: patterns, separators, quotes, what a database folds together.</summary>
internal static class NameCases
{
    private static readonly string[] Awkward =
    [
        "a", "A", "a:b", "a:b:c", ":a", "a:", ":", "/", "a/b", "*", "a*", "**", "?", "a?", "[a]", "[", "]", "{a}", "{", "\\", "a\\", "%", "a%", "_", "a_", "'", "''", "\"", "`", ";--", "$a", "$", "#", "@", "&", "|", "^",
        " ", " a", "a ", "a b", "\t", "\n", "a\nb", "\r\n", "\0", "a\0b", "\u0001", "\u007f", "é", "e\u0301", "ß", "ss", "İ", "i", "ı", "日本", "日本語", "😀", "👩‍👩‍👧", "\u2028", "\ufeffa", "\ufffd", "null", "0", "00", "-1", "1e3", "true",
    ];

    public static readonly ViewStoreCase[] All =
    [
        new("keys of any characters are kept apart, with their logs", async store =>
        {
            var versions = new Dictionary<string, long>();
            foreach (var (i, key) in Awkward.Index()) versions[key] = await store.PutWithLogAsync(Thing(key), $"{i}", 9, $"t={i}");
            foreach (var (i, key) in Awkward.Index())
            {
                await store.HoldsAsync(key, $"{i}", versions[key]);
                await store.LogIsAsync(key, null, $"t={i}");
            }
            await store.CountIsAsync(Awkward.Length);
            foreach (var size in (int[])[1, 9, 1000]) await store.KeysAreAsync(Things, "", Awkward, size);
        }),
        new("deleting a key takes no other with it", async store =>
        {
            foreach (var (i, key) in Awkward.Index()) await store.PutWithLogAsync(Thing(key), $"{i}", 9, $"t={i}");
            for (var i = 0; i < Awkward.Length; i++)
            {
                await store.CommitAsync(Delete(Awkward[i]));
                await store.CountIsAsync(Awkward.Length - i - 1);
                await store.IsMissingAsync(Awkward[i]);
                if (i + 1 < Awkward.Length) await store.LogIsAsync(Awkward[i + 1], null, $"t={i + 1}");
            }
        }),
        new("prefixes of any characters are taken literally", async store =>
        {
            await store.CommitAsync([.. Awkward.Select(key => Put(key, "1"))]);
            foreach (var prefix in Awkward) await store.KeysAreAsync(Things, prefix, Awkward.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)), 5);
        }),
        new("keys of 1,024 bytes are kept apart", async store =>
        {
            string[] keys = [new('k', 1024), new string('k', 1023) + "l", "l" + new string('k', 1023), string.Concat(Enumerable.Repeat("😀", 256)), string.Concat(Enumerable.Repeat("😀", 255)) + "😁", new('k', 1023)];
            foreach (var (i, key) in keys.Index()) await store.PutWithLogAsync(Thing(key), $"{i}", 9, $"t={i}");
            foreach (var (i, key) in keys.Index())
            {
                store.Equal("the value", $"{i}", Text((await store.ReadAsync(key)).Value));
                await store.LogIsAsync(key, null, $"t={i}");
            }
            await store.KeysAreAsync(Things, "", keys, 1);
            await store.KeysAreAsync(Things, new('k', 1023), keys.Where(key => key.StartsWith(new string('k', 1023), StringComparison.Ordinal)), 1);
        }),
        new("collections of any characters are kept apart", async store =>
        {
            string[] collections = [.. Awkward.Where(name => !string.IsNullOrWhiteSpace(name) && !name.Any(char.IsControl)), new('c', 256), new string('c', 255) + "d", "$applied.0", "$lanes"];
            foreach (var (i, collection) in collections.Index()) await store.PutWithLogAsync(new(collection, "a"), $"{i}", 9, $"t={i}");
            foreach (var (i, collection) in collections.Index())
            {
                store.Equal($"the value in {collection}", $"{i}", Text((await store.ReadAsync(new EntryKey(collection, "a"))).Value));
                await store.LogIsAsync(new EntryKey(collection, "a"), null, $"t={i}");
                await store.CountIsAsync(1, collection);
                await store.KeysAreAsync(collection, "", ["a"]);
            }
            await store.CommitAsync(new CommitEntry(new(collections[0], "a"), EntryAction.Delete, null));
            foreach (var collection in collections.Skip(1)) await store.CountIsAsync(1, collection);
        }),
        new("where the collection ends and the key begins is never in doubt", async store =>
        {
            foreach (var separator in (string[])[":", "/", "*", ".", "|", "-", " ", "\u001f", "::", "}:", ":log:"])
            {
                EntryKey near = new("a", $"b{separator}c"), far = new($"a{separator}b", "c"), whole = new($"a{separator}b{separator}c", "d"), log = new("a", "b");
                foreach (var entry in (EntryKey[])[near, far, whole, log]) await store.PutWithLogAsync(entry, $"\"{entry.Collection.Length}\"", 9, $"t={entry.Collection.Length}");
                await store.CommitAsync(new CommitEntry(log, EntryAction.Delete, null));
                foreach (var entry in (EntryKey[])[near, far, whole])
                {
                    store.Equal("the value", $"\"{entry.Collection.Length}\"", Text((await store.ReadAsync(entry)).Value));
                    await store.LogIsAsync(entry, null, $"t={entry.Collection.Length}");
                }
                await store.CommitAsync([.. ((EntryKey[])[near, far, whole]).Select(entry => new CommitEntry(entry, EntryAction.Delete, null))]);
            }
        }),
        new("collections beginning with $ are collections like others", async store =>
        {
            var version = await store.PutWithLogAsync(new("$parked", "orders/0/1"), "{}", 9, "t=1");
            await store.HoldsAsync(new EntryKey("$parked", "orders/0/1"), "{}", version);
            await store.CountIsAsync(1, "$parked");
            await store.KeysAreAsync("$parked", "orders/0/", ["orders/0/1"]);
            await store.RefusedAsync(Put(new EntryKey("$parked", "orders/0/1"), "1", 0));
            await store.LogIsAsync(new EntryKey("$parked", "orders/0/1"), null, "t=1");
            await store.IsMissingAsync(new EntryKey("parked", "orders/0/1"));
        }),
    ];
}
