using System.Globalization;
using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

internal static class SizeCases
{
    public static readonly ViewStoreCase[] All =
    [
        new("a value and a record of 1 MB", async store =>
        {
            var large = $"\"{string.Concat(Enumerable.Range(0, 1 << 17).Select(i => (i % 100_000_000).ToString("D8", CultureInfo.InvariantCulture)))}\"";
            var commit = CommitOf(Put("a", large));
            commit.Add(new CommitAppend(0, "t", Json(large), 9));
            await store.HoldsAsync("a", large, await store.CommitAsync(commit));
            await store.LogIsAsync("a", null, large.Trim('"'));
            store.Equal("the value in a page", large, Text((await store.PagesAsync(Things, "", 10))[0].Value.Value));
            store.Equal("the value in a conflict", large, Text((await store.RefusedAsync(Check("a", 0)))[0].Current.Value));
        }),
        new("a commit of 5,000 entries, each with its record", async store =>
        {
            var keys = Keys(5000);
            var commit = CommitOf([.. keys.Select(key => Put(key, $"\"{key}\"", 0))]);
            for (var i = 0; i < keys.Length; i++) Append(commit, i, $"t={i}", 9);
            var version = await store.CommitAsync(commit);
            await store.CountIsAsync(5000);
            var found = await store.ReadAsync([.. keys.Select(Thing)]);
            store.Same("the values read", keys.Select(key => $"\"{key}\""), found.Select(entry => Text(entry.Value)));
            store.Equal("every version is the commit's", 5000, found.Count(entry => entry.Version == version));
            await store.LogIsAsync(keys[4999], null, "t=4999");
            await store.KeysAreAsync(Things, "", keys, 500);
        }),
        new("a refused commit of 5,000 entries returns all 5,000", async store =>
        {
            var keys = Keys(5000);
            await store.CommitAsync([.. keys.Select(key => Put(key, $"\"{key}\""))]);
            var conflicts = await store.RefusedAsync([.. keys.Select(key => Put(key, "1", 0)), Put("new", "1")]);
            store.Equal("the number of entries that differ", 5000, conflicts.Count);
            store.Same("the values there are now", keys.Select(key => $"\"{key}\""), conflicts.Select(conflict => Text(conflict.Current.Value)));
            await store.IsMissingAsync("new");
        }),
    ];

    private static string[] Keys(int count) => [.. Enumerable.Range(0, count).Select(i => $"key:{i.ToString("D5", CultureInfo.InvariantCulture)}")];
}
