using System.Text.Json.Nodes;
using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Faithfulness;

/// <summary>What changes do, as in the original.</summary>
public sealed class WritingTests
{
    private static readonly ViewCollection<JsonNode?> C = "c";
    private static readonly ViewCollection<string> Texts = "texts";

    [Fact, Experiment("merge_map_into_nothing")]
    public Task Merging_fields_into_nothing_stores_the_fields() => StoresAsync("""{"a":1}""", [Merge(C, "k", Fields("a", 1))]);

    [Fact, Experiment("merge_fn_into_nothing")]
    public Task A_merge_function_is_called_with_null_when_nothing_is_stored() => StoresAsync("\"was null: True\"", [Merge(C, "k", old => $"was null: {old is null}")]);

    [Fact, Experiment("merge_fn_nil_after_nil_create")]
    public async Task A_stored_null_exists_and_merges_meet_it_like_nothing()
    {
        await StoresAsync("null", [Create(C, "k", null)]);
        await StoresAsync("""{"a":1}""", [Create(C, "k", null)], [Merge(C, "k", Fields("a", 1))]);
        await StoresAsync("\"was null: True\"", [Create(C, "k", null)], [Merge(C, "k", old => $"was null: {old is null}")]);
    }

    [Fact, Experiment("merge_map_shallow")]
    public Task Merging_fields_is_shallow() => StoresAsync("""{"n":{"z":2},"y":1}""", [Create(C, "k", JsonNode.Parse("""{"n":{"x":1},"y":1}"""))], [Merge(C, "k", new JsonObject { ["n"] = Fields("z", 2) })]);

    [Fact, Experiment("merge_map_into_list"), Experiment("merge_map_into_string"), Trait("brook", "better")]
    public async Task Merging_fields_into_a_list_or_a_string_fails_its_event_alone_where_Elixir_crashed()
    {
        foreach (var stored in new[] { "[1,2]", "\"s\"" })
        {
            await using var lane = await RunAsync([Create(C, "k", JsonNode.Parse(stored))], [Merge(C, "k", Fields("a", 1))], [Create(C, "other", 1)]);
            Assert.Equal((stored, "1", 1), (await lane.StoredAsync("c", "k"), await lane.StoredAsync("c", "other"), await lane.Parked.CountAsync(TestContext.Current.CancellationToken)));
        }
    }

    [Fact, Experiment("merge_nil"), Trait("brook", "better")]
    public async Task Merging_null_fails_its_event_alone_where_Elixir_crashed()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("go", e => Merge(C, "k", (JsonObject)null!)));
        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("go", 0))).SetAside);
    }

    [Fact, Experiment("merge_fn_returns_nil")]
    public Task A_merge_function_that_returns_null_stores_null_and_deletes_nothing() => StoresAsync("null", [Create(C, "k", 1)], [Merge(C, "k", old => null)]);

    [Fact, Experiment("return_ok"), Experiment("discard_not_logged")]
    public async Task Nothing_to_do_leaves_no_trace()
    {
        await using var lane = await RunAsync([], [Discard], [Discard, Discard]);
        Assert.Null(await lane.StoredAsync("c", "k"));
        Assert.Empty(await lane.View.GetEventsAsync(C, "k", cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact, Experiment("unhandled_type")]
    public async Task A_type_nobody_handles_is_discarded()
    {
        await using var lane = await RunAsync();
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 1, 0, 0), await lane.ProcessAsync(TestLane.Event("nobody:handles", 1)));
    }

    [Fact, Experiment("multiple_writes")]
    public async Task Several_changes_of_one_event_each_log_it_once()
    {
        await using var lane = await RunAsync([Create(C, "k1", 1), Create(C, "k2", 2), Merge(C, "k3", Fields("a", 1)), Create(C, "k4", 4), Delete(C, "k5")]);
        Assert.Equal(["1", "2", """{"a":1}""", "4"], [await lane.StoredAsync("c", "k1"), await lane.StoredAsync("c", "k2"), await lane.StoredAsync("c", "k3"), await lane.StoredAsync("c", "k4")]);
        foreach (var key in new[] { "k1", "k2", "k3", "k4" }) Assert.Single(await LogAsync(lane, key));
    }

    [Fact, Experiment("same_key_twice_one_log_entry")]
    public async Task Two_writes_to_one_key_in_one_event_leave_the_last_value_and_one_log_record()
    {
        await using var lane = await RunAsync([Create(C, "k", 1), Create(C, "k", 2)]);
        Assert.Equal("2", await lane.StoredAsync("c", "k"));
        Assert.Single(await LogAsync(lane, "k"));
    }

    [Fact, Experiment("create_then_delete_same_event")]
    public async Task Created_and_deleted_in_one_event_is_gone_and_its_log_too()
    {
        await using var lane = await RunAsync([Create(C, "k", 0)], [Create(C, "k", 1), Delete(C, "k")]);
        Assert.Null(await lane.StoredAsync("c", "k"));
        Assert.Empty(await LogAsync(lane, "k"));
    }

    [Fact, Experiment("delete_then_create_same_event"), Trait("brook", "better")]
    public async Task Deleted_and_created_in_one_event_begins_a_new_log_where_Elixir_kept_the_old_one()
    {
        await using var lane = await RunAsync([Create(C, "k", 1)], [Delete(C, "k"), Create(C, "k", 2)]);
        Assert.Equal("2", await lane.StoredAsync("c", "k"));
        Assert.Equal([1], await LogAsync(lane, "k"));
    }

    [Fact, Experiment("delete_then_merge_same_event")]
    public Task A_merge_after_a_delete_in_one_event_starts_from_nothing() => StoresAsync("""{"b":2}""", [Create(C, "k", Fields("a", 1))], [Delete(C, "k"), Merge(C, "k", Fields("b", 2))]);

    [Fact, Experiment("delete_drops_log")]
    public async Task A_delete_removes_value_and_log_and_is_not_logged_itself()
    {
        await using var lane = await RunAsync([Create(C, "k", 1)], [Delete(C, "k")]);
        Assert.Null(await lane.StoredAsync("c", "k"));
        Assert.Empty(await LogAsync(lane, "k"));
    }

    [Fact, Experiment("delete_missing")]
    public async Task Deleting_what_is_not_there_is_fine()
    {
        await using var lane = await RunAsync([Delete(C, "k")]);
        Assert.Equal(0, await lane.Parked.CountAsync(TestContext.Current.CancellationToken));
    }

    [Fact, Experiment("delete_marker_value"), Trait("brook", "better")]
    public async Task No_value_means_delete_where_Elixir_took_one_for_it()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("go", e => Create(Texts, "k", "$delete_me")));
        await lane.ProcessAsync(TestLane.Event("go", 0));
        Assert.Equal("\"$delete_me\"", await lane.StoredAsync("texts", "k"));
    }

    private static JsonObject Fields(string name, int value) => new() { [name] = value };

    private static async Task StoresAsync(string expected, params Change[][] events)
    {
        await using var lane = await RunAsync(events);
        Assert.Equal(expected, await lane.StoredAsync("c", "k"));
    }

    /// <summary>Each event, in a batch of its own, has these changes.</summary>
    private static async Task<TestLane> RunAsync(params Change[][] events)
    {
        var lane = await TestLane.OpenAsync(brook => brook.On<int>("go", e => Changes.Create(events[e.Data])));
        for (var i = 0; i < events.Length; i++) await lane.ProcessAsync(TestLane.Event("go", i));
        return lane;
    }

    private static async Task<IEnumerable<object?>> LogAsync(TestLane lane, string key) => (await lane.View.GetEventsAsync(C, key, cancellationToken: TestContext.Current.CancellationToken)).Select(e => e.Data);
}
