using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.BadInput;

public sealed class IdsAndNullsTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ids_that_come_in_another_order_and_again_are_each_applied_once()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("add", e => Merge(Sums, "all", sum => sum + e.Data)), LaneGuard.MessageIds);
        var messages = Enumerable.Range(0, 20).Select(i => (Id: Guid.NewGuid(), Record: TestLane.Event("add", 1 << (i % 10), id: Guid.NewGuid()))).ToList();

        foreach (var (id, record) in messages) await lane.ProcessMessageAsync(id, record);
        foreach (var (id, record) in messages.AsEnumerable().Reverse()) Assert.Equal(1, (await lane.ProcessMessageAsync(id, record)).Duplicates);
        foreach (var (_, record) in messages.OrderBy(message => message.Id)) Assert.Equal(1, (await lane.ProcessMessageAsync(Guid.NewGuid(), record)).Duplicates);      // the callers' ids in new messages

        Assert.Equal(2 * 1023, await lane.View.GetAsync(Sums, "all", Token));
    }

    [Fact]
    public async Task Offsets_that_come_again_in_any_order_are_known()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("add", e => Merge(Sums, "all", sum => sum + e.Data)));
        EventEnvelope[] events = [.. Enumerable.Range(0, 5).Select(i => EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(TestLane.Event("add", 1)), new EventPosition(lane.Lane.Name, i), default))];

        await lane.Lane.ProcessAsync(events, Token);
        var again = await lane.Lane.ProcessAsync(events.AsEnumerable().Reverse().ToArray(), Token);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 5, 0), again);
        Assert.Equal((5, 5L), (await lane.View.GetAsync(Sums, "all", Token), lane.Lane.NextOffset));
    }

    [Fact]
    public async Task Null_data_that_a_handler_does_not_expect_is_the_reason_it_gives()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("named", e => Create(Sums, "n", e.Data.Length)));

        await lane.ProcessAsync(TestLane.Event<string?>("named", null, "a"));

        var parked = await lane.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token);
        Assert.StartsWith("The event's data is null, and its handler met that:", parked.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_with_a_null_key_or_function_fails_its_event_with_the_arguments_name()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("bad", e => e.Data switch
        {
            "key" => Create(Sums, null!, 1),
            "merge" => Merge(Sums, "k", (Func<int, int>)null!),
            "fields" => Merge(Sums, "k", (System.Text.Json.Nodes.JsonObject)null!),
            _ => Create((ViewCollection<int>)null!, "k", 1),
        }));

        var result = await lane.ProcessAsync(TestLane.Event("bad", "key"), TestLane.Event("bad", "merge"), TestLane.Event("bad", "fields"), TestLane.Event("bad", "collection"));

        Assert.Equal(4, result.SetAside);
        var errors = await lane.Parked.ListAsync(cancellationToken: Token).Select(parked => parked.Error).ToListAsync(Token);
        Assert.All(new[] { "'key'", "'merge'", "'fields'", "'collection'" }.Zip(errors), pair => Assert.Contains(pair.First, pair.Second, StringComparison.Ordinal));
    }
}
