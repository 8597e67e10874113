using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests;

/// <summary>The whole path in a few sentences; read this first.</summary>
public sealed class PathOfAnEventTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task An_event_becomes_a_value_and_a_log_record()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("number:added", e => Merge(Sums, e.Key!, sum => sum + e.Data)));

        var result = await lane.ProcessAsync(TestLane.Event("number:added", 2, "a"), TestLane.Event("number:added", 3, "a"));

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 2, 0, 0, 0), result);
        Assert.Equal(5, await lane.View.GetAsync(Sums, "a", TestContext.Current.CancellationToken));
        Assert.Equal([2, 3], (await lane.View.GetEventsAsync(Sums, "a", cancellationToken: TestContext.Current.CancellationToken)).Select(e => e.Data));
    }
}
