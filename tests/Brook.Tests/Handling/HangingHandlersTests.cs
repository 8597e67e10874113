using Brook.Lanes;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
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
        }, guard, services: services => services.AddSingleton(calls));
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
        }, LaneGuard.MessageIds, services: services => services.AddSingleton(new Calls()));
        var (id, records) = (Guid.NewGuid(), new[] { TestLane.Event("add", 1, "a"), TestLane.Event("add", -1, "b"), TestLane.Event("add", 2, "b"), TestLane.Event("add", 3, "a") });

        await lane.ProcessMessageAsync(id, records);
        var again = await lane.ProcessMessageAsync(id, records);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 4, 0), again);
        Assert.Equal(4, await lane.View.GetAsync(Sums, "a", TestContext.Current.CancellationToken));
        Assert.Equal(2, await lane.Parked.CountAsync(TestContext.Current.CancellationToken));       // the hanging one, and the one behind it
    }

    [Fact]
    public async Task What_stood_behind_the_cut_is_looked_at_afresh()
    {
        await using var lane = await OpenAsync(LaneGuard.Offsets);
        var id = Guid.NewGuid();

        var duplicate = await lane.ProcessAsync([.. Enumerable.Range(0, 10).Select(i => TestLane.Event("add", i == 2 ? -1 : 1, $"k{i}", i is 0 or 4 ? id : null))]);
        var unreadable = await lane.ProcessAsync([.. Enumerable.Range(0, 10).Select(i => i == 4 ? TestLane.Event("add", "no number", "u4") : TestLane.Event("add", i == 2 ? -1 : 1, $"u{i}"))]);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 8, 0, 1, 1), duplicate);
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 8, 0, 0, 2), unreadable);
    }

    [Fact]
    public async Task A_message_that_comes_again_behind_the_cut_is_known()
    {
        await using var lane = await OpenAsync(LaneGuard.MessageIds, brook => brook.Options.BatchEvents = 5);
        var first = TestLane.Message(lane.Lane.Name, Guid.NewGuid(), TestLane.Event("add", 1, "k"), TestLane.Event("add", 1, "k"));
        var second = TestLane.Message(lane.Lane.Name, Guid.NewGuid(), TestLane.Event("add", -1, "z"), TestLane.Event("add", -1, "y"));

        await lane.Lane.ProcessAsync(new[] { first[0], first[1], second[0], second[1], first[0], first[1] }, TestContext.Current.CancellationToken);

        Assert.Equal(2, await lane.View.GetAsync(Sums, "k", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task One_attempt_is_one_attempt()
    {
        var calls = new Calls();
        await using var lane = await OpenAsync(LaneGuard.Offsets, brook => brook.Options.HandlerAttempts = 1, calls);

        await lane.ProcessAsync(TestLane.Event("add", -1, "a"));

        Assert.Equal(1, calls.Count);
        Assert.Equal(1, await lane.Parked.CountAsync(TestContext.Current.CancellationToken));
    }

    private static Task<TestLane> OpenAsync(LaneGuard guard, Action<BrookBuilder>? configure = null, Calls? calls = null) => TestLane.OpenAsync(brook =>
    {
        brook.Event<int>("add").AddHandler<Sometimes>();
        brook.Options.HandlerTimeout = TimeSpan.FromMilliseconds(60);
        configure?.Invoke(brook);
    }, guard, services: services => services.AddSingleton(calls ?? new Calls()));

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
