using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Lanes;

/// <summary>What a lane takes together, and what it does with types nobody mapped.</summary>
public sealed class BatchesTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Theory]
    [InlineData(10, 262_144, 3)]
    [InlineData(500, 1024, 4)]
    [InlineData(1, 262_144, 25)]
    public async Task A_large_delivery_is_committed_in_parts_by_count_and_by_bytes(int events, int bytes, int commits)
    {
        var (store, count) = (new HookedStore(), 0);
        await using var lane = await OpenAsync(store, brook => (brook.Options.BatchEvents, brook.Options.BatchBytes) = (events, bytes));
        store.Landed = _ => { count++; return Task.CompletedTask; };
        var records = Enumerable.Range(0, 25).Select(_ => TestLane.Event("add", 1)).ToArray();
        Assert.InRange(records[0].Length, 114, 127);            // eight fit into 1,024 bytes
        Assert.Equal(25, (await lane.ProcessAsync(records)).Applied);
        Assert.Equal((commits, "25"), (count, await lane.StoredAsync("sums", "a")));
    }

    [Fact]
    public async Task An_event_larger_than_a_batch_goes_alone()
    {
        var (store, count) = (new HookedStore(), 0);
        await using var lane = await OpenAsync(store, brook => brook.Options.BatchBytes = 1024);
        store.Landed = _ => { count++; return Task.CompletedTask; };
        await lane.ProcessAsync(TestLane.Event("add", 1), TestLane.Event("text", new string('x', 5000)), TestLane.Event("add", 1));
        Assert.Equal(3, count);
    }

    [Fact]
    public async Task An_unknown_type_is_discarded_by_default()
    {
        await using var lane = await OpenAsync(new HookedStore(), _ => { });
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 1, 0, 0), await lane.ProcessAsync(TestLane.Event("nobody:knows", 1), TestLane.Event("add", 1)));
    }

    [Fact]
    public async Task An_unknown_type_is_parked_when_asked_and_holds_its_key()
    {
        await using var lane = await OpenAsync(new HookedStore(), brook => brook.Options.UnknownEvents = UnknownEventPolicy.Park);
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 2), await lane.ProcessAsync(TestLane.Event("nobody:knows", 1, "k"), TestLane.Event("add", 1, "k"), TestLane.Event("add", 1)));
        var rows = await lane.Parked.ListAsync("k", cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
        Assert.Contains("brook.Event<T>(\"nobody:knows\")", rows[0].Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_type_halts_its_lane_when_asked_until_the_host_stops_and_nothing_is_lost()
    {
        await using var lane = await OpenAsync(new HookedStore(), brook => brook.Options.UnknownEvents = UnknownEventPolicy.Fail);
        using var stop = new CancellationTokenSource();
        var processing = lane.Lane.ProcessAsync(TestLane.Message("test/0", default, TestLane.Event("add", 1), TestLane.Event("nobody:knows", 1)), stop.Token).AsTask();
        await Until.TrueAsync(() => lane.Lane.Halted is not null, "the lane to halt");
        Assert.Contains("nobody:knows", lane.Lane.Halted, StringComparison.Ordinal);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => processing);
        Assert.Equal((0, null), (lane.Lane.NextOffset, await lane.StoredAsync("sums", "a")));
    }

    private static Task<TestLane> OpenAsync(HookedStore store, Action<BrookBuilder> configure) => TestLane.OpenAsync(brook =>
    {
        configure(brook);
        brook.UseStore(_ => store).On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<string>("text", e => Create(Sums, "text", e.Data.Length));
    });
}
