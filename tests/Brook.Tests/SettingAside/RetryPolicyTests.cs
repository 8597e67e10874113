using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Tests.SettingAside.Ledger;

namespace Brook.Tests.SettingAside;

/// <summary>Which failures are tried again, and when.</summary>
public sealed class RetryPolicyTests
{
    private readonly Ledger _ledger = new();

    [Fact]
    public async Task An_exception_that_is_named_sets_its_event_aside_at_once_and_others_are_tried_again()
    {
        _ledger.Broken[1] = new ArgumentNullException("total", "not valid");
        _ledger.Break(2);
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook => brook.SetAsideAtOnce<ArgumentException>().Options.HandlerAttempts = 3);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "b"));
        Assert.Equal([1, 2, 2, 2], _ledger.Tried);
        Assert.Equal([1, 3], (await RowsAsync(lane)).Select(row => row.Attempts));
    }

    [Fact]
    public async Task Only_those_that_the_predicate_names_are_set_aside_at_once()
    {
        _ledger.Broken[1] = new ArgumentException("not valid");
        _ledger.Broken[2] = new ArgumentException("busy");
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook => brook.SetAsideAtOnce<ArgumentException>(e => e.Message != "busy").Options.HandlerAttempts = 2);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "b"));
        Assert.Equal([1, 2, 2], _ledger.Tried);
    }

    [Fact]
    public async Task What_a_merge_throws_counts_as_well_where_brook_has_wrapped_it()
    {
        var calls = 0;
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook => brook.SetAsideAtOnce<FormatException>()
            .On<int>("merge", e => Change.Merge(Lists, "new", list => { calls++; throw new FormatException("no"); })).Options.HandlerAttempts = 3);
        await lane.ProcessAsync(TestLane.Event("merge", 1, "a"));
        Assert.Equal((1, 1), (calls, (await RowsAsync(lane)).Count));
    }

    [Fact]
    public async Task What_was_set_aside_at_once_waits_for_somebody_to_ask_also_after_a_restart()
    {
        var store = Stores.New();
        _ledger.Broken[1] = new ArgumentException("not valid");
        void Configure(BrookBuilder brook) => brook.SetAsideAtOnce<ArgumentException>().Options.ParkedRetryDelay = TimeSpan.FromMinutes(1);
        await using (var lane = await _ledger.OpenAsync(store, configure: Configure))
        {
            await lane.ProcessAsync(Note(1, "a"), Note(2, "a"));
            Assert.Null(lane.Lane.Held.NextDue());
        }
        await using var next = await _ledger.OpenAsync(store, configure: Configure);
        Assert.Null(next.Lane.Held.NextDue());
        _ledger.Mend(1);
        Assert.Equal(2, (await next.Parked.RetryAsync("a", Token)).Applied);
    }

    [Fact]
    public async Task An_event_of_which_nobody_can_tell_whether_it_was_applied_is_tried_only_when_its_row_is_named()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New(), LaneGuard.SharedMessageIds, configure: brook => (brook.Options.RememberedSharedMessages, brook.Options.ParkedRetryDelay) = (1, TimeSpan.FromMinutes(1)));
        var old = Guid.CreateVersion7();
        for (var i = 0; i < 6; i++) await lane.Lane.ProcessAsync(Delivery(Note(i, "b"), Guid.CreateVersion7(), DateTimeOffset.UnixEpoch.AddHours(1 + i)), Token);      // its id would be forgotten by now
        await lane.Lane.ProcessAsync(Delivery(Note(9, "a"), old, DateTimeOffset.UnixEpoch.AddHours(1)), Token);
        var row = Assert.Single(await RowsAsync(lane));

        Assert.Null(lane.Lane.Held.NextDue());
        Assert.Single((await lane.Parked.RetryAllAsync(Token)).Failed);
        Assert.Single((await lane.Parked.RetryAsync("a", Token)).Failed);
        Assert.Empty(await ListAsync(lane));
        Assert.Equal(1, (await lane.Parked.RetryRowAsync(row.RowId, Token)).Applied);
        Assert.Equal([9], await ListAsync(lane));

        static EventEnvelope[] Delivery(string record, Guid message, DateTimeOffset sent) => [EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(record), new("test/0", 0, message), sent)];
    }

    [Fact]
    public async Task An_asynchronous_handler_is_told_how_often_its_event_was_tried_before()
    {
        Counting.Fails = true;
        Counting.Attempts.Clear();
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook => brook.Event<Counting.Counted>("counted").AddHandler<Counting>().Options.HandlerAttempts = 2);
        await lane.ProcessAsync(TestLane.Event("counted", new { }, "a"));
        await lane.Parked.RetryAsync("a", Token);
        Counting.Fails = false;
        await lane.Parked.RetryAsync("a", Token);
        Assert.Equal([1, 2, 3, 4], Counting.Attempts);
    }

    [Fact]
    public async Task A_handler_that_hangs_in_a_retry_is_given_up_and_holds_up_its_key_only()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook =>
        {
            brook.Event<Hanging.Hang>("hang").AddHandler<Hanging>();
            brook.Options.HandlerTimeout = TimeSpan.FromMilliseconds(50);
        });
        _ledger.Break(1);
        await lane.ProcessAsync(Note(1, "b"), TestLane.Event("hang", new { }, "a"), Note(2, "a"), Note(3, "b"));
        _ledger.Mend(1);
        var result = await lane.Parked.RetryAllAsync(Token);
        Assert.Equal((2, 1, 1), (result.Applied, result.Failed.Count, result.Behind));
        Assert.Equal([1, 3], await ListAsync(lane, "b"));
    }

    internal sealed class Counting : IAsyncBrookHandler<Counting.Counted>
    {
        public static List<int> Attempts { get; } = [];
        public static bool Fails { get; set; }

        public ValueTask<Changes> HandleAsync(BrookEvent<Counted> e, HandlerContext context, CancellationToken cancellationToken)
        {
            Attempts.Add(context.Attempt);
            return Fails ? throw new InvalidOperationException("no") : new(default(Changes));
        }

        internal sealed record Counted;
    }

    internal sealed class Hanging : IAsyncBrookHandler<Hanging.Hang>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<Hang> e, HandlerContext context, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            return default;
        }

        internal sealed record Hang;
    }
}
