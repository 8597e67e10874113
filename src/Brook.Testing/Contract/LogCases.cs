using System.Globalization;
using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

internal static class LogCases
{
    public static readonly ViewStoreCase[] All =
    [
        new("records come in the order appended, of one type or of all", async store =>
        {
            await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1", "u=2", "t=3");
            await store.PutWithLogAsync(Thing("a"), "2", 9, "v=4", "t=5", "u=6");
            await store.LogIsAsync("a", null, "t=1", "u=2", "t=3", "v=4", "t=5", "u=6");
            await store.LogIsAsync("a", "t", "t=1", "t=3", "t=5");
            await store.LogIsAsync("a", "u", "u=2", "u=6");
            await store.LogIsAsync("a", "w");
        }),
        new("one commit appends to several entries", async store =>
        {
            var commit = CommitOf(Put("a", "1"), Check("c", 0), Put("b", "1"));
            Append(commit, 2, "t=1", 9);
            Append(commit, 0, "t=2", 9);
            Append(commit, 2, "t=3", 9);
            await store.CommitAsync(commit);
            await store.LogIsAsync("a", null, "t=2");
            await store.LogIsAsync("b", null, "t=1", "t=3");
            await store.LogIsAsync("c", null);
        }),
        new("the log of a missing entry is empty", async store =>
        {
            await store.LogIsAsync("a", null);
            await store.LogIsAsync("a", "t");
            await store.LogIsAsync(new EntryKey("nowhere", "a"), null);
        }),
        new("a limit keeps the newest records of each type", async store =>
        {
            await store.PutWithLogAsync(Thing("a"), "1", 2, "t=1", "u=2", "t=3", "t=4", "t=5", "v=6");
            await store.LogIsAsync("a", null, "u=2", "t=4", "t=5", "v=6");
            await store.PutWithLogAsync(Thing("a"), "1", 2, "u=7", "u=8", "t=9");
            await store.LogIsAsync("a", null, "t=5", "v=6", "u=7", "u=8", "t=9");
            await store.LogIsAsync("a", "t", "t=5", "t=9");
        }),
        new("a limit of one keeps the last record", async store =>
        {
            for (var i = 1; i <= 5; i++) await store.PutWithLogAsync(Thing("a"), "1", 1, $"t={i}");
            await store.LogIsAsync("a", null, "t=5");
        }),
        new("each append has its own limit, and a lower one takes hold", async store =>
        {
            var commit = CommitOf(Put("a", "1"));
            for (var i = 1; i <= 6; i++) Append(commit, 0, $"t={i}", BrookOptions.KeepAll);
            for (var i = 1; i <= 6; i++) Append(commit, 0, $"u={i}", 3);
            await store.CommitAsync(commit);
            await store.LogIsAsync("a", "t", "t=1", "t=2", "t=3", "t=4", "t=5", "t=6");
            await store.LogIsAsync("a", "u", "u=4", "u=5", "u=6");
            await store.PutWithLogAsync(Thing("a"), "1", 2, "t=7");
            await store.LogIsAsync("a", null, "t=6", "u=4", "u=5", "u=6", "t=7");
        }),
        new("overwriting an entry keeps its log", async store =>
        {
            await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1");
            await store.CommitAsync(Put("a", "2"));
            await store.LogIsAsync("a", null, "t=1");
        }),
        new("a dropped log is gone, what the commit appends stays", async store =>
        {
            await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1", "u=2");
            await store.PutWithLogAsync(Thing("b"), "1", 9, "t=1");
            var commit = CommitOf(Put("a", "2") with { DropLog = true });
            Append(commit, 0, "t=3", 9);
            Append(commit, 0, "v=4", 9);
            var version = await store.CommitAsync(commit);
            await store.HoldsAsync("a", "2", version);
            await store.LogIsAsync("a", null, "t=3", "v=4");
            await store.LogIsAsync("a", "u");
            await store.LogIsAsync("b", null, "t=1");
        }),
        new("a log can be dropped with nothing appended, or there being none", async store =>
        {
            await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1");
            var version = await store.CommitAsync(Put("a", "2") with { DropLog = true }, Put("b", "1") with { DropLog = true });
            await store.LogIsAsync("a", null);
            await store.LogIsAsync("b", null);
            await store.HoldsAsync("a", "2", version);
        }),
        new("a deleted entry's log does not come back with the entry", async store =>
        {
            await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1", "u=2");
            await store.CommitAsync(Delete("a"));
            await store.CommitAsync(Put("a", "2"));
            await store.LogIsAsync("a", null);
            await store.PutWithLogAsync(Thing("a"), "3", 9, "t=3");
            await store.LogIsAsync("a", null, "t=3");
        }),
        new("types are told apart exactly", async store =>
        {
            string[] types = ["t", "t:u", "t*", "T", "t ", "t%", "[t]", "日本"];
            await store.PutWithLogAsync(Thing("a"), "1", 1, [.. types.Select(type => $"{type}=1")]);
            foreach (var type in types) await store.LogIsAsync("a", type, $"{type}=1");
            await store.LogIsAsync("a", null, [.. types.Select(type => $"{type}=1")]);
        }),
        new("a long log comes whole and in order", async store =>
        {
            string[] records = [.. Enumerable.Range(0, 3000).Select(i => $"{(i % 3 == 0 ? "t" : "u")}={i.ToString(CultureInfo.InvariantCulture)}")];
            foreach (var part in records.Chunk(700)) await store.PutWithLogAsync(Thing("a"), "1", BrookOptions.KeepAll, part);
            await store.LogIsAsync("a", null, records);
            await store.LogIsAsync("a", "t", [.. records.Where(record => record[0] == 't')]);
        }),
    ];
}
