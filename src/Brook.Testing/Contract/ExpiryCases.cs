using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

internal static class ExpiryCases
{
    public static readonly ViewStoreCase[] All =
    [
        new("an entry says when it expires, to the millisecond", async store =>
        {
            var far = DateTimeOffset.UnixEpoch.AddYears(100).AddMilliseconds(123);
            await store.CommitAsync(Put("a", "1") with { ExpiresAt = far }, Put("b", "1"));
            store.Equal("when the entry expires", far, (await store.ReadAsync("a")).ExpiresAt);
            store.Equal("when the entry without an end expires", null, (await store.ReadAsync("b")).ExpiresAt);
            store.Equal("when it expires, in a page", far, (await store.PagesAsync(Things, "a", 10))[0].Value.ExpiresAt);
            store.Equal("when it expires, in a conflict", far, (await store.RefusedAsync(Check("a", 0)))[0].Current.ExpiresAt);
            await store.CommitAsync(Put("a", "2"));
            store.Equal("when it expires after a put without an end", null, (await store.ReadAsync("a")).ExpiresAt);
        }),
        new("an expired entry is missing for reads, pages, count and its log", async store =>
        {
            var end = store.InAWhile();
            var version = await ExpiringAsync(store, "a", end);
            await store.CommitAsync(Put("stays", "1"));
            await store.UntilAsync(end, Thing("a"));
            await store.IsMissingAsync("a");
            store.Equal("the stored version is not read", false, (await store.ReadAsync("a")).Version == version);
            await store.CountIsAsync(1);
            await store.KeysAreAsync(Things, "", ["stays"], 1);
            await store.LogIsAsync("a", null);
            await store.LogIsAsync("a", "t");
        }),
        new("an entry is there until it expires", async store =>
        {
            var end = DateTimeOffset.UnixEpoch.AddYears(100);
            var version = await ExpiringAsync(store, "a", end);
            await store.HoldsAsync("a", "1", version);
            await store.CountIsAsync(1);
            await store.LogIsAsync("a", null, "t=1");
            await store.RefusedAsync(Put("a", "2", 0));
            await store.CommitAsync(Check("a", version));
        }),
        new("an expired entry is expected as missing, and refuses its old version as missing", async store =>
        {
            var end = store.InAWhile();
            var version = await ExpiringAsync(store, "a", end);
            await store.UntilAsync(end, Thing("a"));
            var conflicts = await store.RefusedAsync(Put("a", "2", version), Put("b", "1"));
            store.Equal("the conflict is with a missing entry", new EntryConflict(0, default), conflicts[0]);
            await store.CommitAsync(Check("a", 0));
            await store.HoldsAsync("a", "2", await store.CommitAsync(Put("a", "2", 0)));
        }),
        new("an expired entry that is written again lives, without its old log", async store =>
        {
            var end = store.InAWhile();
            await ExpiringAsync(store, "a", end);
            await ExpiringAsync(store, "b", end);
            await store.UntilAsync(end, Thing("b"));
            var version = await store.PutWithLogAsync(Thing("a"), "2", 9, "t=2");
            await store.CommitAsync(Put("b", "2"));
            await store.HoldsAsync("a", "2", version);
            await store.LogIsAsync("a", null, "t=2");
            await store.LogIsAsync("b", null);
            await store.CountIsAsync(2);
        }),
        new("an entry written again before its end has its new end, or none", async store =>
        {
            var end = store.InAWhile();
            await ExpiringAsync(store, "a", end);
            await ExpiringAsync(store, "b", end);
            await ExpiringAsync(store, "c", end);
            var version = await store.CommitAsync(Put("a", "2"), Put("b", "2") with { ExpiresAt = end.AddYears(50) });
            await store.UntilAsync(end, Thing("c"));
            await store.IsMissingAsync("c");
            await store.HoldsAsync("a", "2", version);
            await store.HoldsAsync("b", "2", version);
            await store.CountIsAsync(2);
        }),
        new("an end before 1970 is one that is past", async store =>
        {
            await store.CommitAsync(Put("a", "1") with { ExpiresAt = DateTimeOffset.UnixEpoch.AddSeconds(-1) });
            await store.IsMissingAsync("a");
            await store.CountIsAsync(0);
            await store.KeysAreAsync(Things, "", [], 10);
        }),
        new("an expired entry can be deleted", async store =>
        {
            var end = store.InAWhile();
            await ExpiringAsync(store, "a", end);
            await store.UntilAsync(end, Thing("a"));
            await store.CommitAsync(Delete("a", 0));
            await store.IsMissingAsync("a");
            await store.CountIsAsync(0);
        }),
    ];

    private static async Task<long> ExpiringAsync(StoreProbe store, string key, DateTimeOffset end)
    {
        var commit = CommitOf(Put(key, "1") with { ExpiresAt = end });
        Append(commit, 0, "t=1", 9);
        return await store.CommitAsync(commit);
    }
}
