using Brook.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Views;

/// <summary>Reads that wait for the events of a receipt first.</summary>
public sealed class ReadYourWritesTests
{
    private static readonly ViewCollection<int> Numbers = "numbers";
    private readonly FakeTimeProvider _time = new();
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_read_waits_for_the_events_of_its_receipt()
    {
        await using var lane = await OpenAsync();
        var value = lane.View.GetAsync(Numbers, "a", atLeast: At(1), cancellationToken: Cancellation).AsTask();
        var entry = lane.View.TryGetAsync(Numbers, "a", atLeast: At(1), cancellationToken: Cancellation).AsTask();
        var several = lane.View.GetManyAsync(Numbers, ["a", "b"], atLeast: At(1), cancellationToken: Cancellation).AsTask();
        await lane.ProcessAsync(TestLane.Event("added", 1));
        Assert.False(value.IsCompleted || entry.IsCompleted || several.IsCompleted);

        await lane.ProcessAsync(TestLane.Event("added", 2));

        Assert.Equal(3, await value.Done());
        Assert.Equal(new(true, 3), await entry.Done());
        Assert.Equal(new Dictionary<string, int> { ["a"] = 3 }, await several.Done());
    }

    [Fact]
    public async Task An_event_that_was_set_aside_is_not_waited_for()
    {
        await using var lane = await OpenAsync();
        await lane.ProcessAsync(TestLane.Event("added", 1), TestLane.Event("added", -1));

        Assert.Equal(1, await lane.View.GetAsync(Numbers, "a", atLeast: At(1), cancellationToken: Cancellation));
    }

    [Fact]
    public async Task A_read_whose_events_do_not_come_in_time_says_so()
    {
        await using var lane = await OpenAsync();
        var value = lane.View.GetAsync(Numbers, "a", atLeast: At(0), TimeSpan.FromSeconds(1), Cancellation).AsTask();

        _time.Advance(TimeSpan.FromSeconds(1));

        var error = await Assert.ThrowsAsync<TimeoutException>(() => value.Done());
        Assert.Equal("The view has not reached the events of the receipt in time (1 span(s), the first one in lane test/0). They may still be applied: wait longer, or read without atLeast. If it never ends, look whether this view reads that stream, and whether the lane stands still.", error.Message);
    }

    [Fact]
    public async Task It_can_be_cancelled_and_needs_a_receipt()
    {
        await using var lane = await OpenAsync();
        using var cancelled = new CancellationTokenSource();
        var value = lane.View.GetAsync(Numbers, "a", atLeast: At(0), cancellationToken: cancelled.Token).AsTask();

        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => value.Done());
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await lane.View.GetAsync(Numbers, "a", atLeast: null!, cancellationToken: Cancellation));
    }

    private static Receipt At(long offset) => new([new ReceiptSpan("test/0", default, offset, offset)]);

    private Task<TestLane> OpenAsync() => TestLane.OpenAsync(brook =>
    {
        brook.Options.HandlerAttempts = 1;
        brook.On<int>("added", e => Merge(Numbers, "a", n => e.Data > 0 ? n + e.Data : throw new InvalidOperationException("Not to be added.")));
    }, time: _time);
}
