using System.Globalization;
using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

internal static class ConcurrencyCases
{
    private const int Writers = 8, Rounds = 40;

    public static readonly ViewStoreCase[] All =
    [
        new("increments by compare and set from many sides lose none", async store =>
        {
            await store.CommitAsync(Put("n", "0"));
            await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(() => IncrementAsync(store))));
            store.Equal("the counter", $"{Writers * Rounds}", Text((await store.ReadAsync("n")).Value));
            await store.LogIsAsync("n", null, [.. Enumerable.Range(1, Writers * Rounds).Select(i => $"t={i}")]);
        }),
        new("of many who make the same entry one succeeds", async store =>
        {
            for (var round = 0; round < 10; round++)
            {
                var key = round.ToString(CultureInfo.InvariantCulture);
                var commits = Enumerable.Range(0, Writers).Select(i => CommitOf(Put(key, $"{i}", 0))).ToArray();
                var results = await Task.WhenAll(commits.Select(commit => Task.Run(() => store.CommitPatientlyAsync(commit))));
                store.Equal("how many succeeded", 1, results.Count(result => result.IsCommitted));
                await store.HoldsAsync(key, $"{Array.FindIndex(results, result => result.IsCommitted)}", commits[Array.FindIndex(results, result => result.IsCommitted)].Version);
            }
        }),
        new("a page never sees half a commit", async store =>
        {
            await store.CommitAsync(Put("a", "0"));
            using var done = new CancellationTokenSource();
            var reading = Task.Run(async () =>
            {
                while (!done.IsCancellationRequested)
                    store.Equal("the entries in a page, of which each commit removes one and puts another", 1, (await store.Store.ReadPageAsync(Things, "", null, 10, store.Cancellation)).Entries.Count);
            });
            for (var i = 0; i < 300 && !reading.IsCompleted; i++) await store.CommitPatientlyAsync(i % 2 == 0 ? CommitOf(Put("b", "1"), Delete("a")) : CommitOf(Put("a", "1"), Delete("b")));
            await done.CancelAsync();
            await reading;
        }),
        new("a read never sees half a commit", async store =>
        {
            await store.CommitAsync(Put("a", "0"), Put("b", "0"));
            using var done = new CancellationTokenSource();
            var reading = Task.Run(async () =>
            {
                while (!done.IsCancellationRequested)
                {
                    var found = await store.ReadAsync([Thing("a"), Thing("b")]);
                    store.Equal("the two versions of one commit are the same", found[0].Version, found[1].Version);
                    store.Equal("the two values of one commit are the same", Text(found[0].Value), Text(found[1].Value));
                }
            });
            for (var i = 1; i <= 300 && !reading.IsCompleted; i++) await store.CommitPatientlyAsync(CommitOf(Put("a", $"{i}"), Put("b", $"{i}")));
            await done.CancelAsync();
            await reading;
        }),
        new("commits over the same entries in another order all end, each whole", async store =>
        {
            await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
            {
                for (var i = 0; i < Rounds; i++)
                {
                    var commit = writer % 2 == 0 ? CommitOf(Put("a", $"{writer}"), Put("b", $"{writer}")) : CommitOf(Put("b", $"{writer}"), Put("a", $"{writer}"));
                    await store.CommitPatientlyAsync(commit);
                }
            })));
            var found = await store.ReadAsync([Thing("a"), Thing("b")]);
            store.Equal("the versions the last commit left are the same", found[0].Version, found[1].Version);
        }),
    ];

    private static async Task IncrementAsync(StoreProbe store)
    {
        var current = await store.ReadAsync("n");
        for (var i = 0; i < Rounds;)
        {
            var next = int.Parse(Text(current.Value), CultureInfo.InvariantCulture) + 1;
            var commit = CommitOf(Put("n", $"{next}", current.Version));
            Append(commit, 0, $"t={next}", BrookOptions.KeepAll);
            var result = await store.CommitPatientlyAsync(commit);
            if (result.IsCommitted) i++;
            current = result.IsCommitted ? new StoredEntry(commit.Version, Json($"{next}")) : result.Conflicts[0].Current;
        }
    }
}
