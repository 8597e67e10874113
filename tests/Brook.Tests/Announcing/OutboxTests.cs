using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Announcing;

/// <summary>Events that handlers send leave once their own event is committed, and exactly once.</summary>
public sealed class OutboxTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task Sent_events_leave_after_the_commit_in_order_with_cause_and_correlation_and_are_removed_from_the_outbox()
    {
        var transport = new FakeTransport();
        await using var lane = await OpenAsync(Stores.New(), transport);
        var cause = Guid.CreateVersion7();
        var record = TestLane.Event("split", 3, "k", cause).Replace("\"data\"", "\"headers\":{\"correlation-id\":\"c1\",\"traceparent\":\"t1\",\"other\":\"x\"},\"data\"", StringComparison.Ordinal);

        await lane.ProcessAsync(record);
        await Until.TrueAsync(() => transport.Sent.Count == 3 && lane.Engine.InOutbox == 0, "three events to leave");

        Assert.Equal(["part:0", "part:1", "part:2"], transport.Sent.Select(e => e.Type));
        Assert.All(transport.Sent, e => Assert.Equal((true, "k", "the outbox's author"), (e.HasCallersId, e.Key, e.Author)));
        Assert.All(transport.Sent, e => Assert.Equal([new("causation-id", cause.ToString()), new("correlation-id", "c1"), new("traceparent", "t1")], e.Headers!.OrderBy(header => header.Key, StringComparer.Ordinal)));
        Assert.Equal(3, transport.Sent.Select(e => e.Id).Distinct().Count());
        Assert.Empty(await RowsAsync(lane.Store));
    }

    [Fact]
    public async Task What_was_not_sent_before_a_crash_is_sent_by_the_next_owner_with_the_same_ids()
    {
        var (store, id) = (Stores.New(), Guid.CreateVersion7());
        var broken = new FakeTransport { Sending = () => throw HookedStore.Away() };
        await using (var lane = await OpenAsync(store, broken)) await lane.ProcessAsync(TestLane.Event("split", 2, "k", id));
        Assert.Equal(2, (await RowsAsync(store)).Count);

        var transport = new FakeTransport();
        await using var next = await OpenAsync(store, transport);
        await Until.TrueAsync(() => transport.Sent.Count == 2 && next.Engine.InOutbox == 0, "two events to leave");

        Assert.Equal([Outbox.DerivedId("brook", id, 0), Outbox.DerivedId("brook", id, 1)], transport.Sent.Select(e => e.Id));
    }

    [Fact]
    public async Task Sent_but_not_yet_removed_is_sent_again_with_the_same_id_and_the_receiving_lane_knows_it()
    {
        var (store, id) = (new HookedStore(), Guid.CreateVersion7());
        var first = new FakeTransport();
        var removing = new TaskCompletionSource();
        store.Committing = commit =>
        {
            foreach (ref readonly var entry in commit.Entries)
                if (entry is { Action: EntryAction.Delete, Entry.Collection: "$outbox" } && removing.TrySetResult()) throw HookedStore.Away();
            return removing.Task.IsCompleted ? throw HookedStore.Away() : Task.CompletedTask;
        };
        await using (var lane = await OpenAsync(store, first))
        {
            await lane.ProcessAsync(TestLane.Event("split", 1, "k", id));
            await removing.Task.Done();
        }
        store.Committing = _ => Task.CompletedTask;
        var second = new FakeTransport();
        await using var next = await OpenAsync(store, second);
        await Until.TrueAsync(() => !second.Sent.IsEmpty && next.Engine.InOutbox == 0, "the event to leave again");

        Assert.Equal(first.Sent.Single().Id, second.Sent.Single().Id);
        var arrived = new[] { first.Sent.Single(), second.Sent.Single() }.Select((e, i) => EventEnvelope.Read(e.Record, new("test/0", 1 + i), default)).ToArray();
        Assert.Equal(1, (await next.Lane.ProcessAsync(arrived, TestContext.Current.CancellationToken)).Duplicates);
    }

    [Fact]
    public async Task An_event_that_fails_sends_nothing()
    {
        var transport = new FakeTransport();
        await using var lane = await OpenAsync(Stores.New(), transport);
        await lane.ProcessAsync(TestLane.Event("split:then_fail", 3, "k"), TestLane.Event("split", 1, "other"));
        await Until.TrueAsync(() => !transport.Sent.IsEmpty && lane.Engine.InOutbox == 0, "one event to leave");
        Assert.Equal("other", transport.Sent.Single().Key);
    }

    [Fact]
    public async Task A_conflict_sends_nothing_twice()
    {
        var (store, transport) = (new HookedStore(), new FakeTransport());
        await using var lane = await OpenAsync(store, transport);
        var done = false;
        store.Committing = async _ =>
        {
            if (done) return;
            done = true;
            await store.Inner.PutAsync("sums", "all", "100");
        };
        await lane.ProcessAsync(TestLane.Event("split", 2, "k"));
        await Until.TrueAsync(() => transport.Sent.Count >= 2 && lane.Engine.InOutbox == 0, "two events to leave");
        Assert.Equal((2, "102"), (transport.Sent.Count, await lane.StoredAsync("sums", "all")));
    }

    [Fact]
    public async Task A_transport_that_does_not_take_them_holds_up_no_lane_and_is_asked_again()
    {
        var (open, transport) = (false, new FakeTransport());
        transport.Sending = () => Volatile.Read(ref open) ? Task.CompletedTask : throw HookedStore.Away();
        await using var lane = await OpenAsync(Stores.New(), transport);
        await lane.ProcessAsync(TestLane.Event("split", 1, "k"));
        await lane.ProcessAsync(TestLane.Event("split", 1, "k"));
        Assert.Equal(2, lane.Engine.InOutbox);
        Volatile.Write(ref open, true);
        await Until.TrueAsync(() => transport.Sent.Count == 2 && lane.Engine.InOutbox == 0, "both to leave");
    }

    [Fact]
    public async Task A_closed_lane_leaves_no_events_behind_in_the_engines_count()
    {
        var (store, broken) = (Stores.New(), new FakeTransport { Sending = () => throw HookedStore.Away() });
        await using var lane = await OpenAsync(store, broken);
        await lane.ProcessAsync(TestLane.Event("split", 2, "k"));
        await lane.Lane.DisposeAsync();
        Assert.Equal((0, 2), (lane.Engine.InOutbox, (await RowsAsync(store)).Count));
    }

    [Fact]
    public async Task An_interrupted_batch_does_not_send_what_waits_in_the_outbox_twice()
    {
        var (open, store, transport) = (new TaskCompletionSource(), new HookedStore(), new FakeTransport());
        transport.Sending = () => open.Task;
        await using var lane = await OpenAsync(store, transport);
        await lane.ProcessAsync(TestLane.Event("split", 2, "k"));
        using (var stop = new CancellationTokenSource())
        {
            store.Committing = async _ =>
            {
                await stop.CancelAsync();
                throw HookedStore.Away();
            };
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Lane.ProcessAsync(TestLane.Message("test/0", default, TestLane.Event("split", 0), TestLane.Event("split", 0)), stop.Token));
        }
        store.Committing = _ => Task.CompletedTask;
        await lane.ProcessAsync(TestLane.Event("split", 1, "k"));
        open.SetResult();
        await Until.TrueAsync(() => lane.Engine.InOutbox == 0, "the outbox to be empty");
        Assert.Equal(3, transport.Sent.Count);
    }

    [Fact]
    public async Task A_replayed_event_changes_the_view_and_sends_nothing()
    {
        var transport = new FakeTransport();
        await using var lane = await OpenAsync(Stores.New(), transport, until: DateTimeOffset.UnixEpoch.AddDays(1));
        EventEnvelope[] stream = [Sent(0, DateTimeOffset.UnixEpoch.AddHours(1), 2), Sent(1, DateTimeOffset.UnixEpoch.AddDays(1).AddTicks(-1), 3), Sent(2, DateTimeOffset.UnixEpoch.AddDays(1), 1), Sent(3, default, 1)];

        var result = await lane.Lane.ProcessAsync(stream, TestContext.Current.CancellationToken);
        await Until.TrueAsync(() => transport.Sent.Count >= 2 && lane.Engine.InOutbox == 0, "two events to leave");

        Assert.Equal(("7", 4, 2), (await lane.StoredAsync("sums", "all"), result.Applied, transport.Sent.Count));
        Assert.All(transport.Sent, e => Assert.Equal("part:0", e.Type));        // of the two that are no replay: one that says not when it was sent is none
    }

    [Fact]
    public async Task A_replayed_event_that_only_sends_leaves_no_trace()
    {
        var transport = new FakeTransport();
        await using var lane = await TestLane.OpenAsync(brook => brook.ReplayUntil(DateTimeOffset.UnixEpoch.AddDays(1)).On<int>("mail", e => Send("mail:due", e.Data)), services: transport.Register);
        var result = await lane.ProcessAsync(TestLane.Event("mail", 1));
        Assert.Equal((0, 0, 0L), (result.Applied, transport.Sent.Count, lane.Engine.InOutbox));
    }

    [Fact]
    public async Task A_replayed_event_that_was_set_aside_sends_nothing_when_it_is_released_either()
    {
        var (transport, isBroken) = (new FakeTransport(), true);
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.Options.RetryDelay = TimeSpan.Zero;
            brook.ReplayUntil(DateTimeOffset.UnixEpoch.AddDays(1)).On<int>("split", e => isBroken ? throw new InvalidOperationException("broken") : Send("part", e.Data));
        }, services: transport.Register);
        EventEnvelope[] stream = [Sent(0, DateTimeOffset.UnixEpoch, 2), Sent(1, DateTimeOffset.UnixEpoch.AddDays(2), 3)];
        await lane.Lane.ProcessAsync(stream, TestContext.Current.CancellationToken);
        isBroken = false;

        var result = await lane.Parked.RetryAllAsync(TestContext.Current.CancellationToken);
        await lane.Engine.WhenOutboxEmptyAsync(TestContext.Current.CancellationToken);

        Assert.Equal((2, 1), (result.Applied, transport.Sent.Count));
    }

    [Fact]
    public async Task A_handler_that_calls_services_is_told_of_a_replay()
    {
        var told = new List<bool>();
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.ReplayUntil(DateTimeOffset.UnixEpoch.AddDays(1)).Event<int>("split").AddHandler<Caller>();
            Microsoft.Extensions.DependencyInjection.ServiceCollectionServiceExtensions.AddSingleton(brook.Services, told);
        });
        EventEnvelope[] stream = [Sent(0, DateTimeOffset.UnixEpoch, 2), Sent(1, DateTimeOffset.UnixEpoch.AddDays(2), 3)];
        await lane.Lane.ProcessAsync(stream, TestContext.Current.CancellationToken);
        Assert.Equal([true, false], told);
    }

    private sealed class Caller(List<bool> told) : IAsyncBrookHandler<int>
    {
        public ValueTask<Changes> HandleAsync(BrookEvent<int> e, HandlerContext context, CancellationToken cancellationToken)
        {
            told.Add(context.IsReplay);
            return new(Discard);
        }
    }

    private static EventEnvelope Sent(long offset, DateTimeOffset at, int parts) => EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(TestLane.Event("split", parts, "k")), new("test/0", offset), at);

    private static async Task<IReadOnlyList<KeyValuePair<string, StoredEntry>>> RowsAsync(IViewStore store)
        => (await store.ReadPageAsync("$outbox", "", null, 1000, TestContext.Current.CancellationToken)).Entries;

    private static Task<TestLane> OpenAsync(IViewStore store, FakeTransport transport, DateTimeOffset? until = null) => TestLane.OpenAsync(brook => (until is { } time ? brook.ReplayUntil(time) : brook).UseStore(_ => store).Author("the outbox's author")
        .On<int>("split", e => [Merge(Sums, "all", sum => sum + e.Data), .. Enumerable.Range(0, e.Data).Select(i => Send($"part:{i}", i, e.Key))])
        .On<int>("split:then_fail", e => [.. Enumerable.Range(0, e.Data).Select(i => Send($"part:{i}", i, e.Key)), Merge(Sums, "all", sum => throw new InvalidOperationException("no"))]), services: transport.Register);
}
