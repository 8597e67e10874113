using Brook.Storage;
using static Brook.Testing.StoreProbe;

namespace Brook.Testing;

/// <summary>What <see cref="IViewStoreSignals"/> says, of a store that implements it; one that does not passes them, and so does one that cannot tell of changes where the tests run (null).</summary>
internal static class SignalCases
{
    private static readonly EntryKey s_lane = new("$lanes", "orders of today/3");

    public static readonly ViewStoreCase[] All =
    [
        new("who watches an entry is told of a commit that makes, changes or removes it", async store =>
        {
            await using var watched = await store.WatchAsync(s_lane);
            if (watched is null) return;
            var version = await store.CommitAsync(Put(s_lane, "1", 0));
            await watched.ToldAsync("an entry that was made");
            version = await store.CommitAsync(Put("a", "1"), Put(s_lane, "2", version));
            await watched.ToldAsync("an entry that was changed");
            await store.HoldsAsync(s_lane, "2", version);
            await store.CommitAsync(new CommitEntry(s_lane, EntryAction.Delete, null));
            await watched.ToldAsync("an entry that was removed");
        }),
        new("who was told of a commit sees it", async store =>
        {
            await using var watched = await store.WatchAsync(s_lane);
            if (watched is null) return;
            for (var i = 0; i < 20; i++)
            {
                var committing = store.CommitAsync(Put(s_lane, $"{i}"), Put("a", $"{i}"));
                await watched.UntilAsync($"a read that sees commit {i}", async () => Text((await store.ReadAsync("a")).Value) == $"{i}");
                await committing;
            }
        }),
        new("a commit that came right after the watch began is told", async store =>
        {
            for (var i = 0; i < 10; i++)
            {
                await using var watched = await store.WatchAsync(s_lane);
                if (watched is null) return;
                await store.CommitAsync(Put(s_lane, $"{i}"));
                await watched.ToldAsync("the commit");
            }
        }),
        new("several who watch an entry are all told, and each until its own end", async store =>
        {
            await using var one = await store.WatchAsync(s_lane);
            if (one is null) return;
            await using (var two = await store.WatchAsync(s_lane))
            await using (var other = await store.WatchAsync(new EntryKey("$lanes", "orders/4")))
            {
                await store.CommitAsync(Put(s_lane, "1"));
                await one.ToldAsync("the first who watches");
                await two!.ToldAsync("the second who watches");
                await store.CommitAsync(Put(new EntryKey("$lanes", "orders/4"), "1"));
                await other!.ToldAsync("who watches another entry");
            }
            one.Forget();
            await store.CommitAsync(Put(s_lane, "2"));
            await one.ToldAsync("who still watches");
        }),
        new("watching begins and ends while commits go on", async store =>
        {
            using var done = new CancellationTokenSource();
            var committing = Task.Run(async () =>
            {
                while (!done.IsCancellationRequested) await store.CommitPatientlyAsync(CommitOf(Put(s_lane, "1"), Put("a", "1")));
            });
            for (var i = 0; i < 10; i++)
            {
                await using var watched = await store.WatchAsync(s_lane);
                if (watched is not null) await watched.ToldAsync("some commit");
            }
            await done.CancelAsync();
            await committing;
        }),
    ];

    private static async Task<Watched?> WatchAsync(this StoreProbe store, EntryKey entry)
    {
        if (store.Store is not IViewStoreSignals signals) return null;
        var told = new SemaphoreSlim(0);
        return await signals.WatchAsync(entry, () => told.Release(), store.Cancellation) is { } watch ? new(store, told, watch) : null;
    }

    private sealed class Watched(StoreProbe store, SemaphoreSlim told, IAsyncDisposable watch) : IAsyncDisposable
    {
        private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

        public async Task ToldAsync(string what)
        {
            if (!await told.WaitAsync(s_patience, store.Cancellation)) throw store.Broken($"a signal for {what}", "one", $"none within {s_patience.TotalSeconds} seconds");
            Forget();
        }

        /// <summary>Each signal is a look; one of them finds it.</summary>
        public async Task UntilAsync(string what, Func<Task<bool>> look)
        {
            while (!await look())
                if (!await told.WaitAsync(s_patience, store.Cancellation)) throw store.Broken(what, "after a signal", $"no more signals within {s_patience.TotalSeconds} seconds");
        }

        /// <summary>Signals that have come are not counted.</summary>
        public void Forget()
        {
            while (told.Wait(0)) { }
        }

        public ValueTask DisposeAsync() => watch.DisposeAsync();
    }
}
