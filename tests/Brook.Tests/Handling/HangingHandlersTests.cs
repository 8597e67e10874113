using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Handling;

/// <summary>Handlers that do not end: each costs its own attempts, and holds the others of its batch up once, not again and again.</summary>
public sealed class HangingHandlersTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Theory]
    [InlineData(LaneGuard.Offsets)]
    [InlineData(LaneGuard.MessageIds)]
    [InlineData(LaneGuard.SharedMessageIds)]
    public async Task The_good_events_of_a_batch_are_applied_and_each_handler_runs_a_few_times_only(LaneGuard guard)
    {
        var calls = new Calls();
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.Event<int>("add").AddHandler<Sometimes>();
            brook.Options.HandlerTimeout = TimeSpan.FromMilliseconds(60);
        }, guard, services: services => Microsoft.Extensions.DependencyInjection.ServiceCollectionServiceExtensions.AddSingleton(services, calls));
        string[] records = [.. Enumerable.Range(1, 40).Select(i => TestLane.Event("add", i % 10 == 5 ? -i : i, $"k{i}"))];

        BatchResult result;
        if (guard == LaneGuard.Offsets) result = await lane.ProcessAsync(records);
        else if (guard == LaneGuard.MessageIds) result = await lane.ProcessMessageAsync(Guid.NewGuid(), records);
        else result = await lane.Lane.ProcessAsync(records.Select(record => TestLane.Message(lane.Lane.Name, Guid.NewGuid(), record)[0]).ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 36, 0, 0, 4), result);
        Assert.Equal(36, await lane.View.CountAsync(Sums, TestContext.Current.CancellationToken));
        Assert.All(await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken), parked => Assert.Equal((3, "System.TimeoutException"), (parked.Attempts, parked.ErrorType)));
        Assert.InRange(calls.Count, 36 + 12, (36 * 3) + 12);
    }

    [Fact]
    public async Task A_message_with_a_hanging_event_is_known_as_a_whole_afterwards()
    {
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.Event<int>("add").AddHandler<Sometimes>();
            brook.Options.HandlerTimeout = TimeSpan.FromMilliseconds(60);
        }, LaneGuard.MessageIds, services: services => Microsoft.Extensions.DependencyInjection.ServiceCollectionServiceExtensions.AddSingleton(services, new Calls()));
        var (id, records) = (Guid.NewGuid(), new[] { TestLane.Event("add", 1, "a"), TestLane.Event("add", -1, "b"), TestLane.Event("add", 2, "b"), TestLane.Event("add", 3, "a") });

        await lane.ProcessMessageAsync(id, records);
        var again = await lane.ProcessMessageAsync(id, records);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 4, 0), again);
        Assert.Equal(4, await lane.View.GetAsync(Sums, "a", TestContext.Current.CancellationToken));
        Assert.Equal(2, await lane.Parked.CountAsync(TestContext.Current.CancellationToken));       // the hanging one, and the one behind it
    }

    private sealed class Calls
    {
        public int Count;
    }

    private sealed class Sometimes(Calls calls) : IAsyncBrookHandler<int>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<int> e, HandlerContext context, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref calls.Count);
            if (e.Data < 0) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return Merge(Sums, e.Key!, sum => sum + e.Data);
        }
    }
}
