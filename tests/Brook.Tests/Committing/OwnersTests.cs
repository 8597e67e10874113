using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Committing;

/// <summary>One owner at a time: who holds a lane, and who did.</summary>
public sealed class OwnersTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Theory]
    [InlineData(LaneGuard.Offsets)]
    [InlineData(LaneGuard.MessageIds)]
    public async Task Whoever_held_a_lane_before_is_fenced_and_changes_nothing(LaneGuard guard)
    {
        var store = Stores.New();
        await using var before = await OpenAsync(store, guard);
        await using var after = await OpenAsync(store, guard);

        Assert.Equal(new BatchResult(BatchOutcome.Fenced, 0, 0, 0, 0), await before.Lane.ProcessAsync(Numbers(before, Guid.CreateVersion7(), 1), TestContext.Current.CancellationToken));

        Assert.Null(await after.StoredAsync("sums", "a"));
        Assert.Equal(BatchOutcome.Committed, (await after.Lane.ProcessAsync(Numbers(after, Guid.CreateVersion7(), 2), TestContext.Current.CancellationToken)).Outcome);
        Assert.Equal("2", await after.StoredAsync("sums", "a"));
    }

    [Theory]
    [InlineData(LaneGuard.Offsets)]
    [InlineData(LaneGuard.MessageIds)]
    public async Task An_owner_that_was_interrupted_and_replaced_meanwhile_is_fenced_and_does_not_take_the_lane_back(LaneGuard guard)
    {
        var store = new HookedStore();
        await using var before = await OpenAsync(store, guard);
        await InterruptAsync(before, store, Numbers(before, Guid.CreateVersion7(), 1));
        await using var after = await OpenAsync(store, guard);

        var outcome = (await before.Lane.ProcessAsync(Numbers(before, Guid.CreateVersion7(), 1), TestContext.Current.CancellationToken)).Outcome;

        Assert.Equal((BatchOutcome.Fenced, null), (outcome, await before.StoredAsync("sums", "a")));
        Assert.Equal(BatchOutcome.Committed, (await after.Lane.ProcessAsync(Numbers(after, Guid.CreateVersion7(), 2), TestContext.Current.CancellationToken)).Outcome);
    }

    [Theory]
    [InlineData(LaneGuard.Offsets)]
    [InlineData(LaneGuard.MessageIds)]
    public async Task A_fenced_owner_stays_fenced(LaneGuard guard)
    {
        var store = Stores.New();
        await using var before = await OpenAsync(store, guard);
        await using var after = await OpenAsync(store, guard);
        for (var i = 0; i < 3; i++) Assert.Equal(BatchOutcome.Fenced, (await before.Lane.ProcessAsync(Numbers(before, Guid.CreateVersion7(), 1), TestContext.Current.CancellationToken)).Outcome);
        Assert.Null(await after.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task A_lane_that_was_rewound_in_the_store_says_so_and_goes_on_from_there()
    {
        var store = Stores.New();
        await using var lane = await OpenAsync(store, LaneGuard.Offsets);
        await lane.ProcessAsync(TestLane.Event("add", 1), TestLane.Event("add", 2));
        await store.PutAsync("$lanes", "test/0", """{"epoch":1,"next":1}""");

        var result = await lane.ProcessAsync(TestLane.Event("add", 4));

        Assert.Equal((BatchOutcome.Moved, 1), (result.Outcome, lane.Lane.NextOffset));
        Assert.Equal("3", await lane.StoredAsync("sums", "a"));
        Assert.Equal(1, (await lane.Lane.ProcessAsync(Numbers(lane, default, 0, 8), TestContext.Current.CancellationToken)).Applied);
        Assert.Equal("11", await lane.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task Somebody_may_work_on_a_lanes_entry_while_a_batch_is_on_its_way_and_the_batch_still_lands_once()
    {
        var store = new HookedStore();
        await using var lane = await OpenAsync(store, LaneGuard.MessageIds);
        var first = true;
        store.Committing = async _ =>
        {
            if (!first) return;
            first = false;
            await store.Inner.PutAsync("$lanes", "test/0", """{"epoch":1,"parked":7}""");
        };

        var result = await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 4));

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 0), result);
        Assert.Equal("4", await lane.StoredAsync("sums", "a"));
        Assert.Contains("\"parked\":7", await lane.StoredAsync("$lanes", "test/0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_is_lost_and_somebody_works_on_the_lanes_entry_before_it_is_settled_and_the_message_is_still_applied_once()
    {
        var store = new HookedStore();
        await using var lane = await OpenAsync(store, LaneGuard.MessageIds);
        var first = true;
        store.Landed = async _ =>
        {
            if (!first) return;
            first = false;
            await store.Inner.PutAsync("$lanes", "test/0", """{"epoch":1,"messages":1}""");
            throw HookedStore.Away();
        };

        var result = await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 4));

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 1, 0), result);
        Assert.Equal("4", await lane.StoredAsync("sums", "a"));
        await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 1));
        Assert.Equal("5", await lane.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task Somebody_who_waits_for_an_event_is_woken_also_when_its_commit_landed_but_the_batch_was_cut_short()
    {
        var store = new HookedStore();
        await using var lane = await OpenAsync(store, LaneGuard.MessageIds);
        var message = Guid.CreateVersion7();
        var waiting = lane.View.WaitForAsync(new Receipt([new ReceiptSpan("test/0", message, 0, 0)]), TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken).AsTask();
        using var stop = new CancellationTokenSource();
        store.Landed = async _ =>
        {
            await stop.CancelAsync();
            throw HookedStore.Away();
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Lane.ProcessAsync(TestLane.Message("test/0", message, TestLane.Event("add", 1)), stop.Token));
        store.Landed = _ => Task.CompletedTask;

        var again = await lane.ProcessMessageAsync(message, TestLane.Event("add", 1));

        Assert.Equal((1, WaitResult.Applied), (again.Duplicates, await waiting.Done()));
    }

    private static Task<TestLane> OpenAsync(IViewStore store, LaneGuard guard)
        => TestLane.OpenAsync(brook => brook.UseStore(_ => store).On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)), guard);

    private static EventEnvelope[] Numbers(TestLane lane, Guid message, params int[] numbers)
        => TestLane.Message(lane.Lane.Name, message, [.. numbers.Select(number => TestLane.Event("add", number))]);

    /// <summary>The batch is cut off before its commit.</summary>
    private static async Task InterruptAsync(TestLane lane, HookedStore store, EventEnvelope[] events)
    {
        using var stop = new CancellationTokenSource();
        store.Committing = async _ =>
        {
            await stop.CancelAsync();
            throw HookedStore.Away();
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Lane.ProcessAsync(events, stop.Token));
        store.Committing = _ => Task.CompletedTask;
    }
}
