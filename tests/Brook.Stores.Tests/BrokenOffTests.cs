using Brook.Lanes;
using Brook.Storage;
using Brook.Stores.Tests.Support;
using Brook.Testing;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Tests.Shared.Entries;

namespace Brook.Stores.Tests;

/// <summary>A copy is whole, or it is refused.</summary>
public sealed class BrokenOffTests(SharedStores stores)
{
    [Theory]
    [MemberData(nameof(SharedStores.Each), MemberType = typeof(SharedStores))]
    public async Task A_copy_that_was_broken_off_is_refused_at_the_start_until_it_was_repeated(string kind)
    {
        var (source, target) = (await FilledAsync("memory"), await stores.OpenAsync(kind));
        foreach (var point in (FaultPoint[])[FaultPoint.BeforeCommit, FaultPoint.AfterCommit])
        {
            await Assert.ThrowsAsync<BrookException>(() => source.CopyToAsync(new FaultyViewStore(target).FailEvery(point, 3), Token));
            await RefusedAsync(target);
        }
        using var cancelled = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.CopyToAsync(new Meanwhile(target, async commits => { if (commits == 2) await cancelled.CancelAsync(); }), cancelled.Token));
        await RefusedAsync(target);

        await source.CopyToAsync(target, Token);

        await StartAsync(target);
        Assert.Equal(await source.ShowAsync(CopyTests.IsJsonb(kind)), await target.ShowAsync(CopyTests.IsJsonb(kind)));
    }

    [Theory]
    [MemberData(nameof(SharedStores.Each), MemberType = typeof(SharedStores))]
    public async Task A_store_that_holds_something_is_refused_and_left_as_it_is(string kind)
    {
        var (source, target) = (await FilledAsync("memory"), await FilledAsync(kind));
        var before = await target.ShowAsync(asJson: false);

        var error = await Assert.ThrowsAsync<BrookException>(() => source.CopyToAsync(target, Token));

        Assert.Matches(@"^The target is not empty: its collection '(things|\$lanes)' has \d+ entries\. Copy into a store that holds nothing \(another namespace, schema or file\), or clear it first\.$", error.Message);
        Assert.Equal(before, await target.ShowAsync(asJson: false));
        await StartAsync(target);
    }

    [Theory]
    [MemberData(nameof(SharedStores.Each), MemberType = typeof(SharedStores))]
    public async Task What_a_lane_writes_into_the_source_meanwhile_is_noticed_and_the_copy_refused(string kind)
    {
        foreach (var guard in (LaneGuard[])[LaneGuard.Offsets, LaneGuard.MessageIds, LaneGuard.SharedMessageIds])
        {
            var (source, target) = (await FilledAsync(kind), await stores.OpenAsync("memory"));
            await using var lane = await TestLane.OpenAsync(brook => brook.UseStore(_ => source).On<int>("add", e => Change.Create<int>("things", e.Key!, e.Data)), guard);
            var writing = new Meanwhile(target, async commits =>
            {
                if (commits != 2) return;
                if (guard == LaneGuard.Offsets) await lane.ProcessAsync(TestLane.Event("add", 1, "0"));
                else await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 1, "0"));
            });

            var error = await Assert.ThrowsAsync<BrookException>(() => source.CopyToAsync(writing, Token));

            Assert.Equal("The view was written while it was copied, so the copy is not whole. Stop the instance on every node and copy again; the target is refused for anything else until then.", error.Message);
            await RefusedAsync(target);
            await source.CopyToAsync(target, Token);
            await StartAsync(target);
        }
    }

    [Theory]
    [MemberData(nameof(SharedStores.Each), MemberType = typeof(SharedStores))]
    public async Task What_is_written_past_any_lane_meanwhile_is_not_noticed(string kind)
    {
        var (source, target) = (await FilledAsync(kind), await stores.OpenAsync("memory"));

        await source.CopyToAsync(new Meanwhile(target, async commits => { if (commits == 2) await source.CommitAsync(Put("written", "1", collection: "other")); }), Token);

        Assert.Equal((null, "1"), (await target.ReadAsync("written", "other"), await source.ReadAsync("written", "other")));
    }

    private async Task<IViewStore> FilledAsync(string kind)
    {
        var store = await stores.OpenAsync(kind);
        await store.CommitAsync(CommitOf([.. Enumerable.Range(0, 700).Select(i => Put($"{i}", $"{i}"))]));
        await store.CommitAsync(Put("other/0", """{"epoch":1}""", collection: "$lanes"));
        return store;
    }

    private static async Task RefusedAsync(IViewStore store)
    {
        var error = await Assert.ThrowsAsync<BrookException>(() => StartAsync(store));
        Assert.Equal("The store holds a copy of a view that was not finished (CopyToAsync). Begin the copy again from its source, or clear the store.", error.Message);
    }

    private static async Task StartAsync(IViewStore store)
    {
        await using var provider = new ServiceCollection().AddBrookInProcess(brook => brook.UseStore(_ => new Lasting(store))).BuildServiceProvider();
        await provider.GetRequiredKeyedService<BrookEngine>("").StartStoreAsync(Token);
    }

    /// <summary>It stays open when a provider that had it is disposed of.</summary>
    private sealed class Lasting(IViewStore inner) : StoreDecorator(inner);

    /// <summary>Does something before each commit, which it is told the number of.</summary>
    private sealed class Meanwhile(IViewStore inner, Func<int, Task> run) : StoreDecorator(inner)
    {
        private int _commits;

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            await run(_commits++);
            return await Inner.CommitAsync(commit, cancellationToken);
        }
    }
}
