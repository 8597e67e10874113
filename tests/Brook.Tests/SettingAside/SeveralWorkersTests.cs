using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Tests.SettingAside.Ledger;

namespace Brook.Tests.SettingAside;

/// <summary>A lane and those who work on what it has set aside, at once: whoever commits first is right, the other looks again.</summary>
public sealed class SeveralWorkersTests
{
    private readonly Ledger _ledger = new(1);

    [Fact]
    public async Task A_key_that_is_released_while_the_lane_puts_an_event_behind_it_is_noticed_and_the_event_applied()
    {
        var (store, released) = (new HookedStore(), false);
        await using var lane = await _ledger.OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store.Inner, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"));
        _ledger.Mend(1);
        store.Committing = async _ =>
        {
            if (released) return;
            released = true;
            await other.Parked.RetryAsync("a", Token);
        };

        Assert.Equal((1, 0), (await lane.ProcessAsync(Note(2, "a")) is var result ? (result.Applied, result.SetAside) : default));

        Assert.Equal([1, 2], await ListAsync(lane));
        Assert.Equal(0, await lane.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task An_event_that_the_lane_puts_behind_a_key_while_it_is_retried_is_retried_too()
    {
        var (store, put) = (new HookedStore(), false);
        await using var lane = await _ledger.OpenAsync(store.Inner);
        await using var other = await _ledger.OpenAsync(store, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"));
        _ledger.Mend(1);
        store.Committing = async commit =>
        {
            if (put || !commit.Writes("$parking")) return;
            put = true;
            Assert.Equal(1, (await lane.ProcessAsync(Note(2, "a"))).SetAside);
        };

        Assert.Equal(2, (await other.Parked.RetryAsync("a", Token)).Applied);
        Assert.Equal([1, 2], await ListAsync(lane));
    }

    [Fact]
    public async Task A_retry_that_loses_an_entry_of_the_view_to_the_lane_folds_again()
    {
        var (store, written) = (new HookedStore(), false);
        await using var lane = await _ledger.OpenAsync(store.Inner);
        await using var other = await _ledger.OpenAsync(store, name: "other/0");
        await lane.ProcessAsync(TestLane.Event("twice", 1, "a"));
        _ledger.Mend(1);
        store.Committing = async commit =>
        {
            if (written || !commit.Writes("$parking")) return;
            written = true;
            await lane.ProcessAsync(TestLane.Event("twice", 2, "b"));
        };

        await other.Parked.RetryAsync("a", Token);

        Assert.Equal([2, 1], await ListAsync(lane, "common"));
        await lane.ProcessAsync(TestLane.Event("twice", 3, "b"));            // and the lane, whose copy is old now, too
        Assert.Equal([2, 1, 3], await ListAsync(lane, "common"));
    }

    [Fact]
    public async Task An_event_is_judged_on_what_is_stored_and_not_on_what_the_lane_remembers_of_it()
    {
        static void Configure(BrookBuilder brook) => brook.On<int>("next", e => Change.Merge(Lists, e.Key!, [], list => e.Data == list.Count ? [.. list, e.Data] : throw new InvalidOperationException("out of order")));
        var store = Stores.New();
        await using var lane = await _ledger.OpenAsync(store, configure: Configure);
        await using var other = await _ledger.OpenAsync(store, name: "other/0", configure: Configure);
        await lane.ProcessAsync(TestLane.Event("next", 0, "a"));             // the lane remembers the list
        await lane.ProcessAsync(Note(1, "a"));
        _ledger.Mend(1);
        await other.Parked.RetryAsync("a", Token);

        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("next", 2, "a"))).Applied);      // one attempt is all it has
        Assert.Equal([0, 1, 2], await ListAsync(lane));
    }

    [Fact]
    public async Task Two_nodes_that_retry_the_same_key_apply_it_once()
    {
        var (store, second) = (new HookedStore(), false);
        await using var lane = await _ledger.OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store.Inner, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"));
        _ledger.Mend(1);
        store.Committing = async commit =>
        {
            if (second || !commit.Writes("$parking")) return;
            second = true;
            Assert.Equal(2, (await other.Parked.RetryAsync("a", Token)).Applied);
        };

        Assert.Equal(0, (await lane.Parked.RetryAsync("a", Token)).Applied);
        Assert.Equal([1, 2], await ListAsync(lane));
    }

    [Fact]
    public async Task Who_replaces_a_row_that_somebody_has_replaced_meanwhile_is_told_and_changes_nothing()
    {
        var (store, second) = (new HookedStore(), false);
        await using var lane = await _ledger.OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store.Inner, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"));
        _ledger.Break(5);
        var row = (await RowsAsync(lane))[0].RowId;
        store.Committing = async commit =>
        {
            if (second || !commit.Writes("$parking")) return;
            second = true;
            await other.Parked.ReplaceAsync(row, 5, Token);
        };

        var error = await Assert.ThrowsAsync<BrookException>(async () => await lane.Parked.ReplaceAsync(row, 6, Token));

        Assert.Equal($"Row '{row}' was replaced or released by somebody else meanwhile, so nothing was changed. Look at it again (GetAsync).", error.Message);
        _ledger.Mend(5);
        await lane.Parked.RetryAsync("a", Token);
        Assert.Equal([5], await ListAsync(lane));
    }

    [Fact]
    public async Task A_row_that_was_only_tried_meanwhile_can_be_skipped_all_the_same()
    {
        var (store, second) = (new HookedStore(), false);
        await using var lane = await _ledger.OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store.Inner, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"));
        store.Committing = async commit =>
        {
            if (second || !commit.Writes("$parking")) return;
            second = true;
            await other.Parked.RetryAsync("a", Token);
        };
        await lane.Parked.SkipAsync((await RowsAsync(lane))[0].RowId, Token);
        Assert.Empty(await RowsAsync(lane));
    }

    [Fact]
    public async Task A_lost_answer_to_a_retry_is_settled_and_the_events_are_applied_once()
    {
        var (store, lost) = (new HookedStore(), false);
        await using var lane = await _ledger.OpenAsync(store);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"));
        _ledger.Mend(1);
        store.Landed = commit =>
        {
            if (lost || !commit.Writes("$parking")) return Task.CompletedTask;
            lost = true;
            throw HookedStore.Away();
        };
        Assert.Equal(2, (await lane.Parked.RetryAsync("a", Token)).Applied);
        Assert.Equal([1, 2], await ListAsync(lane));
    }

    [Fact]
    public async Task A_retry_that_is_cut_short_leaves_rows_and_view_as_they_are_or_as_they_shall_be()
    {
        var store = new HookedStore();
        await using var lane = await _ledger.OpenAsync(store);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"));
        _ledger.Mend(1);
        using var cut = new CancellationTokenSource();
        store.Landed = _ => { cut.Cancel(); throw HookedStore.Away(); };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Parked.RetryAsync("a", cut.Token));
        store.Landed = _ => Task.CompletedTask;
        Assert.Equal([1, 2], await ListAsync(lane));            // it had landed
        Assert.Equal(1, (await lane.ProcessAsync(Note(3, "a"))).Applied);
        Assert.Equal([1, 2, 3], await ListAsync(lane));
    }

    [Fact]
    public async Task Events_that_a_released_event_sends_leave_once_with_the_ids_they_would_have_had()
    {
        var (store, transport, id) = (Stores.New(), new FakeTransport(), Guid.CreateVersion7());
        await using var lane = await _ledger.OpenAsync(store, services: transport.Register);
        await lane.ProcessAsync(TestLane.Event("tell", 1, "a", id), TestLane.Event("tell", 2, "a"));
        _ledger.Mend(1);

        await lane.Parked.RetryAsync("a", Token);
        await Until.TrueAsync(() => transport.Sent.Count == 2 && lane.Engine.InOutbox == 0, "two events to leave");

        Assert.Equal(Outbox.DerivedId("brook", id, 0), transport.Sent.First().Id);
        Assert.Empty((await store.ReadPageAsync("$outbox", "", null, 10, Token)).Entries);
    }

    [Fact]
    public async Task What_a_node_that_ended_has_released_and_not_sent_is_sent_by_the_lanes_owner()
    {
        var (store, transport, id) = (Stores.New(), new FakeTransport(), Guid.CreateVersion7());
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var lane = await _ledger.OpenAsync(store, services: transport.Register, time: time, configure: brook => brook.Options.ParkedRetryDelay = TimeSpan.FromMinutes(1));
        await lane.ProcessAsync(TestLane.Event("tell", 1, "a", id));
        _ledger.Mend(1);
        await using (var ended = await _ledger.OpenAsync(store, name: "other/0", services: new FakeTransport { Sending = () => throw HookedStore.Away() }.Register)) await ended.Parked.RetryAsync("a", Token);
        Assert.Single((await store.ReadPageAsync("$outbox", "", null, 10, Token)).Entries);

        await Until.TrueAsync(() => { time.Advance(TimeSpan.FromSeconds(10)); return !transport.Sent.IsEmpty && lane.Engine.InOutbox == 0; }, "the event to leave");

        Assert.Equal(Outbox.DerivedId("brook", id, 0), Assert.Single(transport.Sent).Id);
        Assert.Equal([1], await ListAsync(lane));
    }

    [Fact]
    public async Task Released_events_are_told_to_other_nodes_as_others_are()
    {
        var transport = new FakeTransport { ForwardsToOtherNodes = true };
        await using var lane = await _ledger.OpenAsync(Stores.New(), services: transport.Register);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "b"));
        _ledger.Mend(1);
        await lane.Parked.RetryAsync("a", Token);
        Assert.Equal(["b", "a"], transport.Forwarded.Select(e => e.Key));
    }

    [Fact]
    public async Task Consumers_that_share_an_endpoint_learn_of_a_released_key()
    {
        var store = Stores.New();
        await using var one = await _ledger.OpenAsync(store, LaneGuard.SharedMessageIds);
        await using var two = await _ledger.OpenAsync(store, LaneGuard.SharedMessageIds);
        await one.ProcessMessageAsync(Guid.CreateVersion7(), Note(1, "a"));
        Assert.Equal(1, (await two.ProcessMessageAsync(Guid.CreateVersion7(), Note(2, "a"))).SetAside);
        _ledger.Mend(1);
        await one.Parked.RetryAsync("a", Token);
        Assert.Equal(1, (await two.ProcessMessageAsync(Guid.CreateVersion7(), Note(3, "a"))).Applied);
        Assert.Equal(1, (await one.ProcessMessageAsync(Guid.CreateVersion7(), Note(4, "a"))).Applied);
        Assert.Equal([1, 2, 3, 4], await ListAsync(one));
    }
}
