using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Faithfulness;

/// <summary>What queries and logs show, as in the original or better.</summary>
public sealed class ReadingTests
{
    private static readonly ViewCollection<int> C = "c";

    [Theory, Experiment("same_ts_order"), Experiment("ts_order"), Trait("brook", "better")]
    [InlineData(1000, 1000, 1000)]
    [InlineData(3000, 1000, 2000)]
    public async Task A_log_has_the_order_in_which_events_were_applied_where_Elixir_reversed_equal_times_on_Redis(long first, long second, long third)
    {
        await using var lane = await OpenAsync();
        await lane.ProcessAsync(TestLane.Event("set", 1, "k", createTs: first), TestLane.Event("set", 2, "k", createTs: second));
        await lane.ProcessAsync(TestLane.Event("set", 3, "k", createTs: third));
        Assert.Equal([1, 2, 3], (await lane.View.GetEventsAsync(C, "k", cancellationToken: TestContext.Current.CancellationToken)).Select(e => e.Data));
    }

    [Theory, Experiment("collection_prefix"), Experiment("glob_collection"), Experiment("glob_collection_brackets"), Trait("brook", "better")]
    [InlineData("people:old")]
    [InlineData("peo*")]
    [InlineData("c[1]")]
    [InlineData("people")]
    public async Task A_collection_shows_its_own_entries_and_no_others_where_Elixir_matched_names_by_pattern(string name)
    {
        ViewCollection<int> other = name;
        ViewCollection<int> people = "people";
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("go", e => [Create(people, "1", 1), Create(other, "2", 2)]));
        await lane.ProcessAsync(TestLane.Event("go", 0));
        string[] both = ["1", "2"];
        Assert.Equal(name == "people" ? both : ["1"], await KeysAsync(lane, people));
        Assert.Equal(name == "people" ? both : ["2"], await KeysAsync(lane, other));
        Assert.Empty(await KeysAsync(lane, "peo"));
    }

    [Theory, Experiment("glob_key_star_delete"), Experiment("key_prefix_events"), Trait("brook", "better")]
    [InlineData("*", "a")]
    [InlineData("a", "a:b")]
    public async Task Deleting_a_key_leaves_the_logs_of_other_keys_alone_where_Elixir_wiped_them_by_pattern(string deleted, string other)
    {
        await using var lane = await OpenAsync();
        await lane.ProcessAsync(TestLane.Event("set", 1, deleted), TestLane.Event("set", 2, other));
        Assert.Equal([1], (await lane.View.GetEventsAsync(C, deleted, cancellationToken: TestContext.Current.CancellationToken)).Select(e => e.Data));
        await lane.ProcessAsync(TestLane.Event("unset", 0, deleted));
        Assert.Equal([2], (await lane.View.GetEventsAsync(C, other, cancellationToken: TestContext.Current.CancellationToken)).Select(e => e.Data));
        Assert.Equal("2", await lane.StoredAsync("c", other));
    }

    [Fact, Experiment("get_events_by_type")]
    public async Task A_log_can_be_asked_for_one_exact_type()
    {
        await using var lane = await OpenAsync();
        await lane.ProcessAsync(TestLane.Event("set", 1, "k"));
        Assert.Single(await lane.View.GetEventsAsync(C, "k", "set", TestContext.Current.CancellationToken));
        Assert.Empty(await lane.View.GetEventsAsync(C, "k", "se", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_limit_keeps_the_newest_events_of_a_type_per_key()
    {
        await using var lane = await OpenAsync(brook => brook.Options.LogLimits["set"] = 2);
        for (var i = 1; i <= 3; i++) await lane.ProcessAsync(TestLane.Event("set", i, "k"), TestLane.Event("set:too", i * 10, "k"), TestLane.Event("set", -i, "k"));
        Assert.Equal([10, 20, 3, 30, -3], (await lane.View.GetEventsAsync(C, "k", cancellationToken: TestContext.Current.CancellationToken)).Select(e => e.Data));
    }

    [Fact, Experiment("atom_keys_round_trip"), Trait("brook", "better")]
    public async Task A_value_is_what_its_JSON_says_also_in_memory_where_Elixir_returned_the_live_term()
    {
        ViewCollection<Half> halves = "halves";
        var live = new Half { Kept = 1, NotKept = 2 };
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("go", e => Create(halves, "k", live)));
        await lane.ProcessAsync(TestLane.Event("go", 0));
        live.Kept = 100;
        var read = await lane.View.GetAsync(halves, "k", TestContext.Current.CancellationToken);
        Assert.Equal((1, 0), (read!.Kept, read.NotKept));
    }

    internal sealed class Half
    {
        public int Kept { get; set; }

        [System.Text.Json.Serialization.JsonIgnore]
        public int NotKept { get; set; }
    }

    private static Task<TestLane> OpenAsync(Action<BrookBuilder>? configure = null) => TestLane.OpenAsync(brook =>
    {
        configure?.Invoke(brook);
        brook.On<int>("set", e => Create(C, e.Key!, e.Data)).On<int>("set:too", e => Create(C, e.Key!, e.Data)).On<int>("unset", e => Delete(C, e.Key!));
    });

    private static async Task<IEnumerable<string>> KeysAsync(TestLane lane, ViewCollection<int> collection)
        => (await lane.View.GetAllAsync(collection, cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken)).Select(entry => entry.Key).Order();
}
