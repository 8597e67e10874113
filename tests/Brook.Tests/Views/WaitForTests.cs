using Brook.Lanes;
using Brook.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Views;

/// <summary>Time stands still in these tests unless they move it: who is woken was woken by the commit.</summary>
public sealed class WaitForTests
{
    private static readonly ViewCollection<int> Numbers = "numbers";
    private readonly FakeTimeProvider _time = new();
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_applied_already_is_answered_at_once()
    {
        await using var lane = await OpenAsync();
        await lane.ProcessAsync(TestLane.Event("added", 1));

        Assert.Equal(WaitResult.Applied, await lane.View.WaitForAsync(At(0), cancellationToken: Cancellation));
        Assert.Equal(WaitResult.Applied, await lane.View.WaitForAsync(new Receipt([]), cancellationToken: Cancellation));
    }

    [Fact]
    public async Task Who_waits_is_woken_by_the_commit()
    {
        await using var lane = await OpenAsync();
        var waiting = lane.View.WaitForAsync(At(1), cancellationToken: Cancellation).AsTask();

        await lane.ProcessAsync(TestLane.Event("added", 1));
        Assert.False(waiting.IsCompleted);
        await lane.ProcessAsync(TestLane.Event("added", 1));

        Assert.Equal(WaitResult.Applied, await waiting);
        Assert.Equal(2, await lane.View.GetAsync(Numbers, "a", Cancellation));
    }

    [Fact]
    public async Task A_discarded_event_counts_as_applied()
    {
        await using var lane = await OpenAsync();
        var waiting = lane.View.WaitForAsync(At(0), cancellationToken: Cancellation).AsTask();

        await lane.ProcessAsync(TestLane.Event("ignored", "x"));

        Assert.Equal(WaitResult.Applied, await waiting);
    }

    [Fact]
    public async Task An_event_that_was_set_aside_is_answered_so_before_and_after()
    {
        await using var lane = await OpenAsync();
        var waiting = lane.View.WaitForAsync(At(0), cancellationToken: Cancellation).AsTask();

        await lane.ProcessAsync(TestLane.Event("added", -1));

        Assert.Equal(WaitResult.SetAside, await waiting);
        Assert.Equal(WaitResult.SetAside, await lane.View.WaitForAsync(At(0), cancellationToken: Cancellation));
    }

    [Fact]
    public async Task Another_callers_failed_event_in_the_same_message_does_not_count()
    {
        await using var lane = await OpenAsync(LaneGuard.MessageIds);
        var message = Guid.CreateVersion7();
        Receipt Part(long first, long last) => new([new ReceiptSpan(lane.Lane.Name, message, first, last)]);
        var (good, bad, both) = (lane.View.WaitForAsync(Part(0, 1), cancellationToken: Cancellation).AsTask(), lane.View.WaitForAsync(Part(2, 2), cancellationToken: Cancellation).AsTask(), lane.View.WaitForAsync(Part(1, 2), cancellationToken: Cancellation).AsTask());

        await lane.ProcessMessageAsync(message, TestLane.Event("added", 1), TestLane.Event("added", 1), TestLane.Event("added", -1));

        Assert.Equal([WaitResult.Applied, WaitResult.SetAside, WaitResult.SetAside], await Task.WhenAll(good, bad, both));
    }

    [Fact]
    public async Task A_receipt_over_several_lanes_is_applied_when_all_are()
    {
        await using var lane = await OpenAsync();
        var waiting = lane.View.WaitForAsync(new Receipt([new ReceiptSpan("test/0", default, 0, 0), new ReceiptSpan("test/1", default, 0, 0)]), cancellationToken: Cancellation).AsTask();
        await lane.ProcessAsync(TestLane.Event("added", 1));
        Assert.False(waiting.IsCompleted);

        await using var other = await lane.Engine.OpenLaneAsync("test/1", LaneGuard.Offsets, Cancellation);     // opened after the wait began
        await other.ProcessAsync(new[] { EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(TestLane.Event("added", 1)), new EventPosition("test/1", 0), default) }, Cancellation);

        Assert.Equal(WaitResult.Applied, await waiting);
    }

    [Fact]
    public async Task After_30_seconds_or_the_callers_time_the_wait_is_over()
    {
        await using var lane = await OpenAsync();
        var (byDefault, shorter) = (lane.View.WaitForAsync(At(0), cancellationToken: Cancellation).AsTask(), lane.View.WaitForAsync(At(0), TimeSpan.FromSeconds(1), Cancellation).AsTask());

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(WaitResult.TimedOut, await shorter);
        _time.Advance(TimeSpan.FromSeconds(28.9));
        Assert.False(byDefault.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(WaitResult.TimedOut, await byDefault);

        await lane.ProcessAsync(TestLane.Event("added", 1));
        Assert.Equal(WaitResult.Applied, await lane.View.WaitForAsync(At(0), cancellationToken: Cancellation));
    }

    [Fact]
    public async Task A_lane_that_is_never_opened_times_out_too()
    {
        await using var lane = await OpenAsync();
        var waiting = lane.View.WaitForAsync(new Receipt([new ReceiptSpan("elsewhere/0", default, 0, 0)]), TimeSpan.FromSeconds(1), Cancellation).AsTask();

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(WaitResult.TimedOut, await waiting);
    }

    [Fact]
    public async Task A_cancelled_wait_ends_as_cancelled()
    {
        await using var lane = await OpenAsync();
        using var cancelled = new CancellationTokenSource();
        var waiting = lane.View.WaitForAsync(At(0), cancellationToken: cancelled.Token).AsTask();

        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await lane.View.WaitForAsync(null!, cancellationToken: Cancellation));
    }

    private static Receipt At(long offset) => new([new ReceiptSpan("test/0", default, offset, offset)]);

    private Task<TestLane> OpenAsync(LaneGuard guard = LaneGuard.Offsets) => TestLane.OpenAsync(brook =>
    {
        brook.Options.HandlerAttempts = 1;
        brook.Event<string>("ignored");
        brook.On<int>("added", e => Merge(Numbers, "a", n => e.Data > 0 ? n + e.Data : throw new InvalidOperationException("Not to be added.")));
    }, guard, time: _time);
}
