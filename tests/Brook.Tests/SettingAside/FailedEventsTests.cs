using System.Text;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.SettingAside;

/// <summary>An event that fails for good is kept, with what stands behind it; everything else goes on.</summary>
public sealed class FailedEventsTests
{
    private static readonly ViewCollection<int> Sums = "sums";
    private static readonly ViewCollection<Node> Nodes = "nodes";

    [Fact]
    public async Task A_failed_event_is_set_aside_in_the_commit_of_its_batch_and_later_events_of_its_key_behind_it_in_order()
    {
        var (store, commits) = (new HookedStore(), 0);
        await using var lane = await OpenAsync(store);
        store.Landed = _ => { commits++; return Task.CompletedTask; };

        var result = await lane.ProcessAsync(Add(1, "a"), Poison("a"), Add(2, "a"), Add(3, "b"), Add(4, "a"));

        Assert.Equal((new BatchResult(BatchOutcome.Committed, 2, 0, 0, 3), 1), (result, commits));
        Assert.Equal(("1", "3"), (await lane.StoredAsync("sums", "a"), await lane.StoredAsync("sums", "b")));
        Assert.Equal([(1, false, "a"), (2, true, "a"), (4, true, "a")], (await RowsAsync(lane)).Select(row => ((int)row.Position.Offset, row.StandsBehind, row.Key)));
    }

    [Fact]
    public async Task Later_batches_and_later_owners_keep_events_of_a_held_key_behind()
    {
        var store = Stores.New();
        await using (var lane = await OpenAsync(store))
        {
            await lane.ProcessAsync(Poison("a"));
            Assert.Equal(1, (await lane.ProcessAsync(Add(1, "a"), Add(2, "b"))).SetAside);
        }
        await using var next = await OpenAsync(store);
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 1), await next.ProcessAsync(Add(4, "a"), Add(8, "b")));
        Assert.Equal([0L, 1, 3], (await RowsAsync(next)).Select(row => row.Position.Offset));
        Assert.Equal("10", await next.StoredAsync("sums", "b"));
    }

    [Fact]
    [Trait("brook", "better")]
    public async Task A_redelivered_message_with_a_failed_event_is_known_and_does_not_loop_where_Elixir_crashed_on_it_for_ever()
    {
        await using var lane = await OpenAsync(Stores.New(), LaneGuard.MessageIds);
        var message = Guid.CreateVersion7();
        Assert.Equal(1, (await lane.ProcessMessageAsync(message, Poison("a"), Add(1, "b"))).SetAside);
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 2, 0), await lane.ProcessMessageAsync(message, Poison("a"), Add(1, "b")));
        Assert.Single(await RowsAsync(lane));
    }

    [Fact]
    public async Task One_bad_event_among_500_moves_none_of_the_others()
    {
        await using var lane = await OpenAsync(Stores.New());
        var events = Enumerable.Range(0, 500).Select(i => i == 250 ? Poison("bad") : Add(1, $"k{i % 7}")).ToArray();
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 499, 0, 0, 1), await lane.ProcessAsync(events));
    }

    [Fact]
    public async Task An_event_without_a_key_is_set_aside_alone()
    {
        await using var lane = await OpenAsync(Stores.New());
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 2), await lane.ProcessAsync(Poison(null), Add(1, null), Poison(null)));
        Assert.All(await RowsAsync(lane), row => Assert.Null(row.Key));
    }

    [Fact]
    public async Task A_row_says_what_failed_where_why_and_keeps_the_event_as_it_came()
    {
        await using var lane = await OpenAsync(Stores.New());
        var id = Guid.CreateVersion7();
        var record = TestLane.Event("throw", 7, "a", id);
        await lane.ProcessAsync(record, Add(1, "a"));

        var rows = await RowsAsync(lane);

        Assert.Equal(("throw", id, "a", "thrown: 7", typeof(InvalidOperationException).FullName, false, 3), (rows[0].Type, rows[0].Id, rows[0].Key, rows[0].Error, rows[0].ErrorType, rows[0].StandsBehind, rows[0].Attempts));
        Assert.Equal((new EventPosition("test/0", 0), record), (rows[0].Position, Encoding.UTF8.GetString(rows[0].Event.Span)));
        Assert.Equal((true, null, 0), (rows[1].StandsBehind, rows[1].ErrorType, rows[1].Attempts));
        Assert.Contains("waits behind it", rows[1].Error, StringComparison.Ordinal);
        Assert.Equal(2, await lane.Parked.CountAsync(TestContext.Current.CancellationToken));
        Assert.Empty(await lane.Parked.ListAsync("b", cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Bytes_that_cannot_be_read_are_kept_as_they_came()
    {
        await using var lane = await OpenAsync(Stores.New());
        byte[] bytes = [0xff, 0x00, 0x7b];
        var result = await lane.Lane.ProcessAsync(new[] { EventEnvelope.Read(bytes, new("test/0", 0), default) }, TestContext.Current.CancellationToken);
        Assert.Equal(1, result.SetAside);
        Assert.Equal(bytes, (await RowsAsync(lane)).Single().Event.ToArray());
    }

    [Fact]
    public async Task A_value_that_cannot_be_serialized_fails_the_event_that_made_it_and_no_other()
    {
        await using var lane = await OpenAsync(Stores.New());
        var result = await lane.ProcessAsync(TestLane.Event("grow", 1, "x"), TestLane.Event("tie", 0, "y"), TestLane.Event("grow", 2, "z"), Add(1, "b"));
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 3, 0, 0, 1), result);
        Assert.Equal("y", (await RowsAsync(lane)).Single().Key);
        Assert.Contains("\"size\":3", await lane.StoredAsync("nodes", "all"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_to_send_that_cannot_be_serialized_fails_the_event_that_sends_it()
    {
        await using var lane = await OpenAsync(Stores.New(), services: new FakeTransport());
        var result = await lane.ProcessAsync(TestLane.Event("send:tied", 0, "a"), Add(1, "b"));
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 1), result);
        Assert.Contains("cannot be serialized", (await RowsAsync(lane)).Single().Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_to_send_that_is_too_large_fails_the_event_that_sends_it()
    {
        await using var lane = await OpenAsync(Stores.New(), services: new FakeTransport());
        var result = await lane.ProcessAsync(TestLane.Event("send:large", 0, "a"), Add(1, "b"));
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 1), result);
        Assert.Contains("MaxEventBytes", (await RowsAsync(lane)).Single().Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_event_that_is_to_be_parked_is_parked_also_after_a_conflict()
    {
        var store = new HookedStore();
        await using var lane = await OpenAsync(store, configure: brook => brook.Options.UnknownEvents = UnknownEventPolicy.Park);
        OnceBeforeTheCommit(store, () => store.Inner.PutAsync("sums", "b", "100"));
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 1), await lane.ProcessAsync(TestLane.Event("nobody:knows", 1, "a"), Add(1, "b")));
        Assert.Equal("101", await lane.StoredAsync("sums", "b"));
    }

    [Fact]
    public async Task A_message_of_an_exception_that_is_no_valid_text_is_set_aside_like_any_other()
    {
        await using var lane = await OpenAsync(Stores.New());
        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("throw:surrogate", 1, "a"))).SetAside);
        Assert.StartsWith("half", (await RowsAsync(lane)).Single().Error, StringComparison.Ordinal);
    }

    internal sealed class Node
    {
        public int Size { get; set; }
        public Node? Self { get; set; }
    }

    private static string Add(int number, string? key) => TestLane.Event("add", number, key);
    private static string Poison(string? key) => TestLane.Event("poison", 0, key);

    private static ValueTask<List<ParkedEvent>> RowsAsync(TestLane lane) => lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);

    private static void OnceBeforeTheCommit(HookedStore store, Func<Task> act)
    {
        var done = false;
        store.Committing = async commit =>
        {
            if (done || !commit.Writes("sums")) return;
            done = true;
            await act();
        };
    }

    private static Node Tied()
    {
        var node = new Node();
        node.Self = node;
        return node;
    }

    private static Task<TestLane> OpenAsync(IViewStore store, LaneGuard guard = LaneGuard.Offsets, Action<BrookBuilder>? configure = null, FakeTransport? services = null) => TestLane.OpenAsync(brook =>
    {
        configure?.Invoke(brook);
        brook.UseStore(_ => store)
            .On<int>("add", e => Merge(Sums, e.Key ?? "none", sum => sum + e.Data))
            .On<int>("poison", e => Merge(Sums, e.Key ?? "none", sum => throw new InvalidOperationException("poison")))
            .On<int>("throw", e => throw new InvalidOperationException($"thrown: {e.Data}"))
            .On<int>("throw:surrogate", e => throw new InvalidOperationException("half \ud800"))
            .On<int>("grow", e => Merge(Nodes, "all", new Node(), node => { node.Size += e.Data; return node; }))
            .On<int>("tie", e => Merge(Nodes, "all", new Node(), node => { node.Self = node; return node; }))
            .On<int>("send:tied", e => Send("tied", Tied()))
            .On<int>("send:large", e => Send("large", new string('x', 2_000_000)));
    }, guard, services: services?.Register);

    [Fact]
    public async Task A_copy_of_a_failed_event_in_its_own_batch_is_answered_as_set_aside()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("fails", _ => throw new InvalidOperationException("no")));
        var id = Guid.NewGuid();

        await lane.ProcessAsync(TestLane.Event("fails", 1, "x", id), TestLane.Event("fails", 1, "x", id));

        foreach (var offset in new[] { 0, 1 })
            Assert.Equal(WaitResult.SetAside, await lane.View.WaitForAsync(new Receipt([new ReceiptSpan(lane.Lane.Name, default, offset, offset)]), cancellationToken: TestContext.Current.CancellationToken));
    }
}
