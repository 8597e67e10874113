using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Committing;

/// <summary>What makes an event happen once when its message comes again, whole or in part.</summary>
public sealed class RepeatedMessagesTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Theory]
    [InlineData(LaneGuard.MessageIds)]
    [InlineData(LaneGuard.SharedMessageIds)]
    [Trait("brook", "better")]
    public async Task A_redelivered_message_is_applied_once_where_Elixir_merged_it_again(LaneGuard guard)
    {
        await using var lane = await OpenAsync(Stores.New(), guard);
        var message = Guid.CreateVersion7();
        await lane.ProcessMessageAsync(message, TestLane.Event("add", 1), TestLane.Event("add", 2));
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 2, 0), await lane.ProcessMessageAsync(message, TestLane.Event("add", 1), TestLane.Event("add", 2)));
        Assert.Equal("3", await lane.StoredAsync("sums", "a"));
    }

    [Theory]
    [InlineData(LaneGuard.MessageIds)]
    [InlineData(LaneGuard.SharedMessageIds)]
    public async Task Two_copies_of_a_message_in_one_batch_are_applied_once(LaneGuard guard)
    {
        await using var lane = await OpenAsync(Stores.New(), guard);
        var copy = TestLane.Message("test/0", Guid.CreateVersion7(), TestLane.Event("add", 1), TestLane.Event("add", 2));
        var other = TestLane.Message("test/0", Guid.CreateVersion7(), TestLane.Event("add", 10));

        var result = await lane.Lane.ProcessAsync(new[] { copy, copy, other, copy }.SelectMany(e => e).ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 3, 0, 4, 0), result);
        Assert.Equal("13", await lane.StoredAsync("sums", "a"));
    }

    [Theory]
    [InlineData(LaneGuard.MessageIds)]
    [InlineData(LaneGuard.SharedMessageIds)]
    [InlineData(LaneGuard.Offsets)]
    public async Task A_message_larger_than_a_batch_is_applied_whole(LaneGuard guard)
    {
        await using var lane = await OpenAsync(Stores.New(), guard, brook => brook.Options.BatchEvents = 3);
        var small = TestLane.Message("test/0", Guid.CreateVersion7(), TestLane.Event("add", 100));
        var message = TestLane.Message("test/0", guard == LaneGuard.Offsets ? default : Guid.CreateVersion7(), [.. Enumerable.Repeat(TestLane.Event("add", 1), 10)]);

        var result = await lane.Lane.ProcessAsync(guard == LaneGuard.Offsets ? message : [.. small, .. message], TestContext.Current.CancellationToken);

        Assert.Equal(guard == LaneGuard.Offsets ? 10 : 11, result.Applied);
        Assert.Equal(guard == LaneGuard.Offsets ? "10" : "110", await lane.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task A_message_committed_in_part_goes_on_where_it_stopped_also_with_another_owner_and_other_parts()
    {
        var store = new HookedStore();
        var message = TestLane.Message("test/0", Guid.CreateVersion7(), [.. Enumerable.Repeat(TestLane.Event("add", 1), 10)]);
        await using (var lane = await OpenAsync(store, LaneGuard.MessageIds, brook => brook.Options.BatchEvents = 4))
        {
            using var stop = new CancellationTokenSource();
            store.Landed = async _ => await stop.CancelAsync();
            store.Committing = _ => stop.IsCancellationRequested ? throw HookedStore.Away() : Task.CompletedTask;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Lane.ProcessAsync(message, stop.Token));
            Assert.Equal("4", await lane.StoredAsync("sums", "a"));
            (store.Landed, store.Committing) = (_ => Task.CompletedTask, _ => Task.CompletedTask);
        }
        await using var next = await OpenAsync(store, LaneGuard.MessageIds, brook => brook.Options.BatchEvents = 3);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 6, 0, 4, 0), await next.Lane.ProcessAsync(message, TestContext.Current.CancellationToken));
        Assert.Equal("10", await next.StoredAsync("sums", "a"));
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 10, 0), await next.Lane.ProcessAsync(message, TestContext.Current.CancellationToken));
        Assert.DoesNotContain("message\":", await next.StoredAsync("$lanes", "test/0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_id_that_the_caller_set_is_applied_once_in_one_batch_and_over_batches_and_owners()
    {
        var (store, id) = (Stores.New(), Guid.CreateVersion7());
        await using (var lane = await OpenAsync(store, LaneGuard.Offsets))
        {
            Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 1, 0), await lane.ProcessAsync(TestLane.Event("add", 1, id: id), TestLane.Event("add", 1, id: id)));
            Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("add", 1, id: id))).Duplicates);
        }
        await using var next = await OpenAsync(store, LaneGuard.Offsets);
        Assert.Equal(1, (await next.ProcessAsync(TestLane.Event("add", 1, id: id))).Duplicates);
        Assert.Equal("1", await next.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task A_duplicate_batch_does_not_move_the_next_offset_back()
    {
        await using var lane = await OpenAsync(Stores.New(), LaneGuard.Offsets);
        await lane.ProcessAsync(TestLane.Event("add", 1), TestLane.Event("add", 2));
        await lane.Lane.ProcessAsync(TestLane.Message("test/0", default, TestLane.Event("add", 1)), TestContext.Current.CancellationToken);
        Assert.Equal((2, "3"), (lane.Lane.NextOffset, await lane.StoredAsync("sums", "a")));
    }

    private static Task<TestLane> OpenAsync(IViewStore store, LaneGuard guard, Action<BrookBuilder>? configure = null) => TestLane.OpenAsync(brook =>
    {
        configure?.Invoke(brook);
        brook.UseStore(_ => store).On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data));
    }, guard);
}
