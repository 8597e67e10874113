using System.Text;
using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Tests.SettingAside.Ledger;

namespace Brook.Tests.SettingAside;

/// <summary>What was set aside is tried again when somebody asks, in order, and the key is free afterwards.</summary>
public sealed class RetriesTests
{
    private readonly Ledger _ledger = new(1);

    [Theory]
    [InlineData(LaneGuard.Offsets)]
    [InlineData(LaneGuard.MessageIds)]
    [InlineData(LaneGuard.SharedMessageIds)]
    public async Task A_retried_key_is_applied_in_order_and_its_later_events_as_they_come(LaneGuard guard)
    {
        await using var lane = await _ledger.OpenAsync(Stores.New(), guard);
        await lane.ProcessMessageAsync(Guid.CreateVersion7(), Note(0, "a"), Note(1, "a"), Note(2, "a"), Note(3, "b"), Note(4, "a"));
        _ledger.Mend(1);

        var result = await lane.Parked.RetryAsync("a", Token);
        var offset = guard == LaneGuard.Offsets ? 5 : 0;
        await lane.Lane.ProcessAsync(new[] { EventEnvelope.Read(Encoding.UTF8.GetBytes(Note(5, "a")), new("test/0", offset, Guid.CreateVersion7()), default) }, Token);

        Assert.Equal((3, 0, 0), (result.Applied, result.Failed.Count, result.Behind));
        Assert.Equal([0, 1, 2, 4, 5], await ListAsync(lane));
        Assert.Equal((0L, 0L), (await lane.Parked.CountAsync(Token), lane.Engine.Parked));
    }

    [Fact]
    public async Task An_event_that_fails_again_stays_with_its_new_reason_and_holds_up_those_behind_it()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"), Note(3, "a"), Note(4, "a"));
        _ledger.Mend(1);
        _ledger.Break(3);

        var result = await lane.Parked.RetryAsync("a", Token);

        Assert.Equal((2, 1, 1), (result.Applied, result.Failed.Count, result.Behind));
        Assert.Equal(("broken: 3", 1, 1, false), (result.Failed[0].Error, result.Failed[0].Attempts, result.Failed[0].Retries, result.Failed[0].StandsBehind));
        Assert.Equal([1, 2], await ListAsync(lane));
        Assert.Equal([(2L, false), (3L, true)], (await RowsAsync(lane)).Select(row => (row.Position.Offset, row.StandsBehind)));
        Assert.Equal("applied=2, failed=1, behind=1", result.ToString());
    }

    [Fact]
    public async Task Each_retry_counts_as_an_attempt_and_says_when_it_was()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var lane = await _ledger.OpenAsync(Stores.New(), time: time);
        await lane.ProcessAsync(Note(1, "a"));
        for (var minute = 1; minute <= 3; minute++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await lane.Parked.RetryAsync("a", Token);
        }
        var row = await lane.Parked.GetAsync("test/0/000000000000", Token);
        Assert.Equal((4, 3, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddMinutes(3)), (row!.Attempts, row.Retries, row.Since, row.LastRetry));
    }

    [Fact]
    public async Task A_handler_that_reads_the_view_sees_what_the_retried_events_before_it_have_made()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook => brook.Event<Reads.Read>("read").AddHandler<Reads>());
        await lane.ProcessAsync(Note(1, "a"), TestLane.Event("read", new { }, "a"), Note(2, "a"), TestLane.Event("read", new { }, "a"));
        _ledger.Mend(1);
        Assert.Equal(4, (await lane.Parked.RetryAsync("a", Token)).Applied);
        Assert.Equal([1, 1, 2, 3], await ListAsync(lane));        // each read appends how long the list is
    }

    internal sealed class Reads : IAsyncBrookHandler<Reads.Read>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<Read> e, HandlerContext context, CancellationToken cancellationToken)
        {
            var list = await context.View.GetAsync(Lists, e.Key!, cancellationToken);
            return Change.Merge(Lists, e.Key!, [], all => [.. all, list!.Count]);
        }

        internal sealed record Read;
    }

    [Fact]
    public async Task All_is_retried_in_the_order_of_the_lane_and_what_fails_holds_up_its_key_only()
    {
        _ledger.Break(2);
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook => brook.Options.BatchEvents = 3);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "b"), Note(3, "a"));
        await lane.ProcessAsync(Note(4, "b"), Note(5, "a"), Note(1, null));
        await lane.ProcessAsync(Note(1, null), Note(6, "b"));
        _ledger.Mend(1);
        _ledger.Tried.Clear();

        var result = await lane.Parked.RetryAllAsync(Token);

        Assert.Equal((5, 2), (result.Applied, result.Behind));
        Assert.Equal("b", Assert.Single(result.Failed).Key);
        Assert.Equal([1, 2, 3, 5, 1, 1], _ledger.Tried);
        Assert.Equal(([1, 3, 5], [1, 1]), (await ListAsync(lane), await ListAsync(lane, "none")), new ListsComparer());
    }

    private sealed class ListsComparer : IEqualityComparer<(List<int>, List<int>)>
    {
        public bool Equals((List<int>, List<int>) x, (List<int>, List<int>) y) => x.Item1.SequenceEqual(y.Item1) && x.Item2.SequenceEqual(y.Item2);
        public int GetHashCode((List<int>, List<int>) lists) => 0;
    }

    [Fact]
    public async Task A_row_without_a_key_is_retried_alone_and_one_with_a_key_with_the_others_of_it()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, null), Note(1, "a"), Note(2, "a"), Note(1, null));
        _ledger.Mend(1);
        var rows = await RowsAsync(lane);

        Assert.Equal(1, (await lane.Parked.RetryRowAsync(rows[3].RowId, Token)).Applied);
        Assert.Equal(2, (await lane.Parked.RetryRowAsync(rows[2].RowId, Token)).Applied);

        Assert.Equal([rows[0].RowId], (await RowsAsync(lane)).Select(row => row.RowId));
        Assert.Equal([1, 2], await ListAsync(lane));
    }

    [Fact]
    public async Task Who_waits_for_an_event_gets_Applied_once_it_is_released_by_this_node_or_by_another()
    {
        var store = Stores.New();
        await using var lane = await _ledger.OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"), Note(1, "b"));
        Receipt ReceiptOf(int offset) => new([new ReceiptSpan("test/0", default, offset, offset)]);
        Assert.Equal(WaitResult.SetAside, await lane.View.WaitForAsync(ReceiptOf(1), cancellationToken: Token));
        _ledger.Mend(1);

        await lane.Parked.RetryAsync("a", Token);
        await other.Parked.RetryAsync("b", Token);

        for (var offset = 0; offset < 3; offset++) Assert.Equal(WaitResult.Applied, await lane.View.WaitForAsync(ReceiptOf(offset), cancellationToken: Token));
    }

    [Fact]
    public async Task Rows_survive_a_restart_and_a_lane_that_moves_with_their_order()
    {
        var store = Stores.New();
        await using (var first = await _ledger.OpenAsync(store)) await first.ProcessAsync(Note(1, "a"), Note(2, "a"));
        await using var second = await _ledger.OpenAsync(store);
        await second.ProcessAsync(Note(3, "a"));
        await using var third = await _ledger.OpenAsync(store);             // the second one is fenced, and knows less now
        await third.ProcessAsync(Note(4, "a"));
        _ledger.Mend(1);

        Assert.Equal(4, (await second.Parked.RetryAsync("a", Token)).Applied);
        Assert.Equal(1, (await third.ProcessAsync(Note(5, "a"))).Applied);
        Assert.Equal([1, 2, 3, 4, 5], await ListAsync(third));
    }

    [Fact]
    public async Task Rows_of_an_older_version_without_what_retries_note_can_be_retried()
    {
        var store = Stores.New();
        await using (var lane = await _ledger.OpenAsync(store)) await lane.ProcessAsync(Note(1, "a"));
        var old = $$"""{"lane":"test/0","offset":0,"type":"note","id":"{{Guid.CreateVersion7()}}","key":"a","behind":false,"error":"broken","attempts":3,"since":1700000000000,"event":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(Note(7, "a")))}}"}""";
        await store.PutAsync("$parked", "test/0/000000000000", old);
        await using var next = await _ledger.OpenAsync(store);
        Assert.Equal(1, (await next.Parked.RetryAsync("a", Token)).Applied);
        Assert.Equal([7], await ListAsync(next));
    }

    [Fact]
    public async Task What_is_not_there_is_an_error_that_says_so()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        Assert.Equal("Brook instance 'brook' has nothing set aside under the key 'a': it was applied or skipped meanwhile, or never was. ListAsync shows what there is.", (await Assert.ThrowsAsync<BrookException>(async () => await lane.Parked.RetryAsync("a", Token))).Message);
        foreach (var call in new Func<ValueTask<RetryResult>>[] { () => lane.Parked.RetryRowAsync("test/0/7", Token), () => lane.Parked.SkipAsync("test/0/7", Token), () => lane.Parked.ReleaseAsync("test/0/7", Token), () => lane.Parked.ReplaceAsync("test/0/7", 1, Token) })
            Assert.Equal("Brook instance 'brook' has no row 'test/0/7' set aside: it was applied or skipped meanwhile, or never was. ListAsync shows what there is.", (await Assert.ThrowsAsync<BrookException>(async () => await call())).Message);
        Assert.Null(await lane.Parked.GetAsync("nothing", Token));
        Assert.Equal(0, (await lane.Parked.RetryAllAsync(Token)).Applied);
    }

    [Fact]
    public async Task An_event_that_nobody_maps_any_more_is_not_taken_for_handled()
    {
        var store = Stores.New();
        await using (var lane = await _ledger.OpenAsync(store)) await lane.ProcessAsync(Note(1, "a"));
        await using var node = await TestLane.OpenAsync(brook => brook.UseStore(_ => store).On<int>("other", _ => default), name: "other/0");
        var result = await node.Parked.RetryAllAsync(Token);
        Assert.StartsWith("No handler maps the event type 'note'.", Assert.Single(result.Failed).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_that_writes_several_keys_is_in_order_by_its_own_key_only()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(TestLane.Event("twice", 1, "a"), TestLane.Event("twice", 2, "b"), TestLane.Event("twice", 3, "a"), TestLane.Event("twice", 4, "b"));
        _ledger.Mend(1);
        await lane.Parked.RetryAsync("a", Token);
        Assert.Equal([1, 3], await ListAsync(lane));
        Assert.Equal([2, 4], await ListAsync(lane, "b"));
        Assert.Equal([2, 4, 1, 3], await ListAsync(lane, "common"));         // what both write is in the order of the commits: all of them, each once
    }

    [Fact]
    public async Task Lists_can_be_of_one_lane()
    {
        var store = Stores.New();
        await using var lane = await _ledger.OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store, name: "test/01");
        await lane.ProcessAsync(Note(1, "a"));
        await other.ProcessAsync(Note(1, "a"));
        Assert.Equal("test/0", Assert.Single(await lane.Parked.ListAsync(lane: "test/0", cancellationToken: Token).ToListAsync(Token)).Position.Lane);
        _ledger.Mend(1);
        Assert.Equal(2, (await lane.Parked.RetryAsync("a", Token)).Applied);        // of both
    }
}
