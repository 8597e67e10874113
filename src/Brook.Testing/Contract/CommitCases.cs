using System.Text;
using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

internal static class CommitCases
{
    public static readonly ViewStoreCase[] All =
    [
        new("a put stores, a second one replaces value and version", async store =>
        {
            await store.HoldsAsync("a", "1", await store.CommitAsync(Put("a", "1")));
            await store.HoldsAsync("a", "{\"n\":2}", await store.CommitAsync(Put("a", "{\"n\":2}")));
        }),
        new("every written entry carries its commit's version, the others theirs", async store =>
        {
            var first = await store.CommitAsync(Put("a", "1"), Put("b", "1"), Put("c", "1"));
            var second = await store.CommitAsync(Put("b", "2"), Put("d", "2"), Delete("c"));
            await store.HoldsAsync("a", "1", first);
            await store.HoldsAsync("b", "2", second);
            await store.HoldsAsync("d", "2", second);
            await store.IsMissingAsync("c");
        }),
        new("versions may be any number but 0", async store =>
        {
            foreach (var version in (long[])[1, -1, long.MaxValue, long.MinValue, (1L << 53) + 1])
            {
                var commit = new Commit(version);
                commit.Add(Put("a", "1"));
                await store.CommitAsync(commit);
                await store.HoldsAsync("a", "1", version);
                store.Equal("the conflicts when one version less is expected", 1, (await store.RefusedAsync(Check("a", version == long.MinValue ? 2 : version - 1 == 0 ? 2 : version - 1))).Count);
                await store.CommitAsync(Check("a", version));
            }
        }),
        new("the same value under a new version is another version", async store =>
        {
            var first = await store.CommitAsync(Put("a", "1"));
            var second = await store.CommitAsync(Put("a", "1"));
            await store.HoldsAsync("a", "1", second);
            store.Equal("the conflicts when the first version is expected", 1, (await store.RefusedAsync(Put("a", "2", first))).Count);
        }),
        new("nothing expected: a write takes place whatever is there", async store =>
        {
            await store.CommitAsync(Put("a", "1"));
            await store.HoldsAsync("a", "2", await store.CommitAsync(Put("a", "2"), Delete("b")));
            await store.CommitAsync(Delete("a"));
            await store.IsMissingAsync("a");
        }),
        new("expected 0: a missing entry is written, one that is there refuses", async store =>
        {
            var version = await store.CommitAsync(Put("a", "1", 0));
            await store.RefusedAsync(Put("a", "2", 0));
            await store.RefusedAsync(Delete("a", 0));
            await store.RefusedAsync(Check("a", 0));
            await store.HoldsAsync("a", "1", version);
            await store.CommitAsync(Delete("a"));
            await store.CommitAsync(Put("a", "3", 0), Check("b", 0), Delete("c", 0));
        }),
        new("an expected version: the entry is written, any other refuses", async store =>
        {
            var first = await store.CommitAsync(Put("a", "1"));
            var second = await store.CommitAsync(Put("a", "2", first));
            await store.RefusedAsync(Put("a", "3", first));
            await store.RefusedAsync(Delete("a", first));
            await store.HoldsAsync("a", "2", second);
            await store.CommitAsync(Delete("a", second));
            await store.RefusedAsync(Put("a", "3", second));
            await store.IsMissingAsync("a");
        }),
        new("a refused commit writes nothing at all", async store =>
        {
            var version = await store.PutWithLogAsync(Thing("put"), "1", 9, "t=1");
            var deleted = await store.PutWithLogAsync(Thing("deleted"), "1", 9, "t=1");
            var guard = await store.CommitAsync(Put("guard", "1"));
            var commit = CommitOf(Put("new", "1"), Put("put", "2") with { DropLog = true }, Delete("deleted"), Put(new EntryKey("others", "a"), "1"), Put("guard", "2", guard + 2), Put("last", "1"));
            Append(commit, 0, "t=2", 9);
            Append(commit, 1, "t=2", 1);
            await store.RefusedAsync(commit);
            await store.IsMissingAsync("new");
            await store.IsMissingAsync("last");
            await store.IsMissingAsync(new EntryKey("others", "a"));
            await store.HoldsAsync("put", "1", version);
            await store.HoldsAsync("deleted", "1", deleted);
            await store.HoldsAsync("guard", "1", guard);
            foreach (var key in (string[])["put", "deleted"]) await store.LogIsAsync(key, null, "t=1");
            await store.LogIsAsync("new", null);
            await store.CountIsAsync(3);
            await store.CountIsAsync(0, "others");
        }),
        new("a refused commit returns every entry that differs, as it is now", async store =>
        {
            var one = await store.CommitAsync(Put("a", "1"));
            var two = await store.CommitAsync(Put("b", "{\"n\":2}"), Put("c", "3"));
            var conflicts = await store.RefusedAsync(Put("a", "9", one), Put("b", "9", one), Check("c", 0), Put("free", "9"), Delete("gone", two), Check("c2", 0));
            store.Same("the indexes of what differs", ["1", "2", "4"], conflicts.Select(conflict => $"{conflict.Index}"));
            store.Same("the values there are now", ["{\"n\":2}", "3", ""], conflicts.Select(conflict => Text(conflict.Current.Value)));
            store.Same("the versions there are now", [$"{two}", $"{two}", "0"], conflicts.Select(conflict => $"{conflict.Current.Version}"));
        }),
        new("a check compares and changes nothing", async store =>
        {
            var version = await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1");
            await store.CommitAsync(Check("a", version), Check("b", 0), Check("a2", null));
            await store.CommitAsync(Check("a", version), Put("b", "1"));
            await store.HoldsAsync("a", "1", version);
            await store.LogIsAsync("a", null, "t=1");
            await store.IsMissingAsync("a2");
            await store.RefusedAsync(Check("a", version + 2), Put("c", "1"));
            await store.IsMissingAsync("c");
            await store.CountIsAsync(2);
        }),
        new("a delete removes the value and the log", async store =>
        {
            await store.PutWithLogAsync(Thing("a"), "1", 9, "t=1", "u=2");
            await store.PutWithLogAsync(Thing("b"), "1", 9, "t=1");
            await store.CommitAsync(Delete("a"));
            await store.IsMissingAsync("a");
            await store.LogIsAsync("a", null);
            await store.LogIsAsync("a", "t");
            await store.LogIsAsync("b", null, "t=1");
        }),
        new("a delete of nothing is no error", async store =>
        {
            await store.CommitAsync(Delete("a"));
            await store.CommitAsync(Delete("a", 0), Put("b", "1"));
            await store.CommitAsync(new CommitEntry(new("nowhere", "a"), EntryAction.Delete, null));
            await store.CountIsAsync(1);
            await store.CountIsAsync(0, "nowhere");
        }),
        new("a cleared collection is empty, with its logs, and others are as before", async store =>
        {
            string[] keys = [.. Enumerable.Range(0, 1300).Select(i => $"{i}")];
            foreach (var part in keys.Chunk(700)) await store.CommitAsync([.. part.Select(key => Put(key, "1"))]);
            await store.PutWithLogAsync(Thing("0"), "1", 9, "t=1");
            await store.PutWithLogAsync(new("others", "0"), "1", 9, "t=1");
            await store.Store.ClearAsync(Things, store.Cancellation);
            await store.CountIsAsync(0);
            await store.LogIsAsync("0", null);
            await store.LogIsAsync(new EntryKey("others", "0"), null, "t=1");
            await store.Store.ClearAsync(Things, store.Cancellation);
        }),
        new("a commit of nothing is committed", async store => await store.CommitAsync(CommitOf())),
        new("a store keeps no memory it was given", async store =>
        {
            byte[] value = Encoding.UTF8.GetBytes("111"), record = Encoding.UTF8.GetBytes("222");
            var commit = CommitOf(new CommitEntry(Thing("a"), EntryAction.Put, null, value));
            commit.Add(new CommitAppend(0, "t", record, 9));
            var version = await store.CommitAsync(commit);
            value.AsSpan().Fill((byte)'9');
            record.AsSpan().Fill((byte)'9');
            await store.HoldsAsync("a", "111", version);
            await store.LogIsAsync("a", null, "222");
        }),
        new("a cancelled commit has landed whole or not at all", async store =>
        {
            for (var round = 0; round < 20; round++)
            {
                var commit = CommitOf(Put("a", "1"), Put("b", "1"));
                using var cancelled = new CancellationTokenSource();
                if (round == 0) await cancelled.CancelAsync();
                var committing = Task.Run(async () => await store.Store.CommitAsync(commit, cancelled.Token), CancellationToken.None);
                await cancelled.CancelAsync();
                await ((Task)committing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);        // it may have been too late to cancel
                if (committing.Exception?.InnerException is { } error and not (OperationCanceledException or BrookException { IsTransient: true }))
                    throw store.Broken("how a cancelled commit ends", "OperationCanceledException, or as one that was not cancelled", $"{error.GetType().Name}: {error.Message}");
                var found = await store.ReadAsync([Thing("a"), Thing("b")]);
                store.Equal("the versions of the two entries are the same", found[0].Version, found[1].Version);
            }
        }),
    ];
}
