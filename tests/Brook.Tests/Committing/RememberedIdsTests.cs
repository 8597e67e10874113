using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Committing;

/// <summary>Ids are remembered up to a bound, and the bound keeps itself.</summary>
public sealed class RememberedIdsTests
{
    private static readonly ViewCollection<int> Sums = "sums";
    private static readonly DateTimeOffset s_start = DateTimeOffset.UnixEpoch.AddYears(50);

    [Fact]
    public async Task More_messages_than_are_remembered_keep_the_ids_at_the_bound_and_the_newest_are_known_also_after_a_restart()
    {
        var store = Stores.New();
        var messages = Enumerable.Range(0, 25).Select(_ => Guid.CreateVersion7()).ToArray();
        await using (var lane = await OpenAsync(store, LaneGuard.MessageIds, options => options.RememberedMessages = 10))
            foreach (var message in messages) await lane.ProcessMessageAsync(message, TestLane.Event("add", 1));
        Assert.Equal(10, await store.CountAsync("$applied:test/0", TestContext.Current.CancellationToken));

        await using var next = await OpenAsync(store, LaneGuard.MessageIds, options => options.RememberedMessages = 10);
        foreach (var message in messages[15..]) Assert.Equal(1, (await next.ProcessMessageAsync(message, TestLane.Event("add", 1))).Duplicates);
        Assert.Equal("25", await next.StoredAsync("sums", "a"));
        Assert.Equal(1, (await next.ProcessMessageAsync(messages[0], TestLane.Event("add", 1))).Applied);      // forgotten: that is the bound
    }

    [Fact]
    public async Task A_smaller_bound_after_a_restart_forgets_none_of_the_newest()
    {
        var store = Stores.New();
        var messages = Enumerable.Range(0, 18).Select(_ => Guid.CreateVersion7()).ToArray();
        await using (var lane = await OpenAsync(store, LaneGuard.MessageIds, options => options.RememberedMessages = 10))
            foreach (var message in messages) await lane.ProcessMessageAsync(message, TestLane.Event("add", 1));
        await using var next = await OpenAsync(store, LaneGuard.MessageIds, options => options.RememberedMessages = 3);
        foreach (var message in messages[15..]) Assert.Equal(1, (await next.ProcessMessageAsync(message, TestLane.Event("add", 1))).Duplicates);
    }

    [Fact]
    public async Task Event_ids_that_callers_set_are_bounded_too()
    {
        var store = Stores.New();
        var ids = Enumerable.Range(0, 9).Select(_ => Guid.CreateVersion7()).ToArray();
        await using (var lane = await OpenAsync(store, LaneGuard.Offsets, options => options.RememberedEvents = 4))
            foreach (var id in ids) await lane.ProcessAsync(TestLane.Event("add", 1, id: id));
        Assert.Equal(4, await store.CountAsync("$events:test/0", TestContext.Current.CancellationToken));
        await using var next = await OpenAsync(store, LaneGuard.Offsets, options => options.RememberedEvents = 4);
        foreach (var id in ids[5..]) Assert.Equal(1, (await next.ProcessAsync(TestLane.Event("add", 1, id: id))).Duplicates);
    }

    [Fact]
    public async Task A_batch_with_more_ids_than_are_remembered_writes_each_entry_once()
    {
        var (store, twice) = (new HookedStore(), 0);
        store.Committing = commit =>
        {
            var entries = commit.Entries.ToArray().Select(entry => entry.Entry).ToList();
            twice += entries.Count - entries.Distinct().Count();
            return Task.CompletedTask;
        };
        await using var lane = await OpenAsync(store, LaneGuard.MessageIds, options => (options.RememberedMessages, options.RememberedEvents) = (2, 3));
        var messages = Enumerable.Range(0, 5).Select(_ => (Id: Guid.CreateVersion7(), Event: TestLane.Event("add", 1, id: Guid.CreateVersion7()))).ToArray();
        var events = messages.SelectMany(message => TestLane.Message("test/0", message.Id, message.Event)).ToArray();
        await lane.Lane.ProcessAsync(events, TestContext.Current.CancellationToken);
        Assert.Equal(("5", 0), (await lane.StoredAsync("sums", "a"), twice));
        Assert.Equal(1, (await lane.ProcessMessageAsync(messages[4].Id, messages[4].Event)).Duplicates);
    }

    [Fact]
    public async Task Shared_ids_live_in_two_generations_and_the_older_one_is_dropped()
    {
        var store = Stores.New();
        await using var lane = await OpenAsync(store, LaneGuard.SharedMessageIds, options => options.RememberedSharedMessages = 5);
        for (var i = 0; i < 30; i++) await SendAsync(lane, Guid.CreateVersion7(), i);
        long kept = 0;
        for (var generation = 0; generation < 10; generation++) kept += await store.CountAsync($"$applied:test/0:{generation}", TestContext.Current.CancellationToken);
        Assert.InRange(kept, 5, 10);
        Assert.Equal("30", await lane.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task A_shared_message_that_is_too_old_to_be_known_is_set_aside_and_says_so_and_known_ones_are_dropped()
    {
        await using var lane = await OpenAsync(Stores.New(), LaneGuard.SharedMessageIds, options => options.RememberedSharedMessages = 5);
        var messages = Enumerable.Range(0, 30).Select(_ => Guid.CreateVersion7()).ToArray();
        for (var i = 0; i < 30; i++) await SendAsync(lane, messages[i], i);

        Assert.Equal(1, (await SendAsync(lane, messages[29], 29)).Duplicates);
        Assert.Equal(1, (await SendAsync(lane, messages[0], 0)).SetAside);
        Assert.Equal(1, (await SendAsync(lane, Guid.CreateVersion7(), 31)).Applied);
        Assert.Equal("31", await lane.StoredAsync("sums", "a"));
        var row = Assert.Single(await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Contains("cannot be told whether it was applied", row.Error, StringComparison.Ordinal);
        Assert.Equal(1, (await SendAsync(lane, messages[0], 0)).Duplicates);       // set aside: known
    }

    [Fact]
    public async Task A_key_held_by_another_node_of_a_shared_endpoint_is_held_here_too()
    {
        var store = new HookedStore();
        await using var one = await OpenAsync(store, LaneGuard.SharedMessageIds);
        await using var two = await OpenAsync(store, LaneGuard.SharedMessageIds);
        await one.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("fail", 1, "k"));
        Assert.Equal(1, (await two.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 1, "k"))).SetAside);
        Assert.Null(await two.StoredAsync("sums", "a"));
    }

    private static ValueTask<BatchResult> SendAsync(TestLane lane, Guid message, int second)
    {
        var e = EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(TestLane.Event("add", 1)), new("test/0", 0, message), s_start.AddSeconds(second));
        return lane.Lane.ProcessAsync(new[] { e }, TestContext.Current.CancellationToken);
    }

    private static Task<TestLane> OpenAsync(IViewStore store, LaneGuard guard, Action<BrookOptions>? configure = null) => TestLane.OpenAsync(brook =>
    {
        configure?.Invoke(brook.Options);
        brook.UseStore(_ => store).On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<int>("fail", e => throw new InvalidOperationException("no"));
    }, guard);
}
