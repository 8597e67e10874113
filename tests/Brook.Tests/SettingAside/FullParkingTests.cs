using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Tests.SettingAside.Ledger;

namespace Brook.Tests.SettingAside;

/// <summary>There is a bound to what a lane sets aside: when it is full it stands still, and goes on by itself.</summary>
public sealed class FullParkingTests
{
    private readonly Ledger _ledger = new(1, 2, 3);

    [Fact]
    public async Task A_full_lane_stands_still_says_so_and_goes_on_when_there_is_room()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"), Note(2, "b"));

        var processing = lane.ProcessAsync(Note(10, "c"), Note(3, "d"), Note(11, "d")).AsTask();
        await Until.TrueAsync(() => lane.Lane.Halted is not null, "the lane to stand still");

        Assert.Equal("2 events are set aside (MaxParkedEvents is 2), and there is no room for one more. Work on them with IParkedEvents; the lane goes on by itself when there is room", lane.Lane.Halted);
        Assert.Empty(await ListAsync(lane, "c"));               // nothing of the batch is in
        await lane.Parked.SkipAsync((await RowsAsync(lane))[0].RowId, Token);
        var result = await processing.Done();
        Assert.Equal((1, 2), (result.Applied, result.SetAside));
        Assert.Null(lane.Lane.Halted);
        Assert.Equal([10], await ListAsync(lane, "c"));
        Assert.Equal(3, await lane.Parked.CountAsync(Token));   // the bound, give or take a batch
    }

    [Fact]
    public async Task Events_that_do_not_fail_pass_a_full_lane()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"), Note(2, "b"));
        Assert.Equal(1, (await lane.ProcessAsync(Note(10, "c"))).Applied);
    }

    [Fact]
    public async Task A_full_lane_notices_what_another_node_does_and_handles_again_what_it_has_in_hand()
    {
        var store = Stores.New();
        await using var lane = await OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"), Note(2, "b"));
        var processing = lane.ProcessAsync(Note(3, "a"), Note(3, "c")).AsTask();
        await Until.TrueAsync(() => lane.Lane.Halted is not null, "the lane to stand still");
        _ledger.Broken.Clear();
        await other.Parked.RetryAsync("a", Token);
        Assert.Equal((2, 0), ((await processing.Done()).Applied, (await RowsAsync(lane)).Count(row => row.Key == "a")));
        Assert.Equal([1, 3], await ListAsync(lane));            // its key was released meanwhile
    }

    [Fact]
    public async Task A_full_lane_that_is_stopped_has_acknowledged_nothing_and_loses_nothing()
    {
        var store = Stores.New();
        using var stop = new CancellationTokenSource();
        await using (var lane = await OpenAsync(store))
        {
            await lane.ProcessAsync(Note(1, "a"), Note(2, "b"));
            var processing = lane.Lane.ProcessAsync(new[] { EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(Note(3, "c")), new("test/0", 2), default) }, stop.Token).AsTask();
            await Until.TrueAsync(() => lane.Lane.Halted is not null, "the lane to stand still");
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => processing);
        }
        await using var next = await _ledger.OpenAsync(store);
        Assert.Equal(2, next.Lane.NextOffset);
        Assert.Equal(1, (await next.ProcessAsync(Note(3, "c"))).SetAside);
    }

    private Task<TestLane> OpenAsync(IViewStore store) => _ledger.OpenAsync(store, configure: brook => brook.Options.MaxParkedEvents = 2);
}
