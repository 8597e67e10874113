using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Staging;

/// <summary>A value is what its JSON says, whatever a lane has cached and however events came together in batches.</summary>
public sealed class WhatTheJsonSaysTests
{
    private static readonly ViewCollection<Dictionary<string, int>> Names = "names";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_JSON_does_not_keep_is_not_there_for_the_next_event_in_one_batch_or_several(bool oneBatch)
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("named", e => Merge(Names, "all", names =>
        {
            names ??= new(StringComparer.OrdinalIgnoreCase);        // the comparer is not in the JSON
            names[e.Data] = names.GetValueOrDefault(e.Data) + 1;
            return names;
        })));
        string[] events = [TestLane.Event("named", "Bob"), TestLane.Event("named", "BOB"), TestLane.Event("named", "Bob")];

        if (oneBatch) await lane.ProcessAsync(events);
        else foreach (var e in events) await lane.ProcessAsync(e);

        Assert.Equal(new() { ["Bob"] = 2, ["BOB"] = 1 }, await lane.View.GetAsync(Names, "all", Token));
    }

    [Fact]
    public async Task One_object_given_to_two_entries_is_two_values()
    {
        ViewCollection<List<int>> lists = "lists";
        await using var lane = await TestLane.OpenAsync(brook => brook
            .On<int>("both", e =>
            {
                List<int> shared = [e.Data];
                return [Merge(lists, "a", _ => shared), Merge(lists, "b", _ => shared)];
            })
            .On<int>("a", e => Merge(lists, "a", list =>
            {
                list!.Add(e.Data);
                return list;
            })));

        await lane.ProcessAsync(TestLane.Event("both", 1), TestLane.Event("a", 2), TestLane.Event("a", 3));

        Assert.Equal(("[1,2,3]", "[1]"), (await lane.StoredAsync("lists", "a"), await lane.StoredAsync("lists", "b")));
    }

    [Fact]
    public async Task A_logged_event_whose_type_has_changed_is_shown_as_JSON()
    {
        ViewCollection<int> sums = "sums";
        var store = Stores.New();
        await using (var before = await TestLane.OpenAsync(brook => brook.UseStore(_ => store).On<int>("added", e => Merge(sums, "all", sum => sum + e.Data)))) await before.ProcessAsync(TestLane.Event("added", 2));

        await using var now = await TestLane.OpenAsync(brook => brook.UseStore(_ => store).On<List<int>>("added", _ => default));

        var e = Assert.Single(await now.View.GetEventsAsync(sums, "all", cancellationToken: Token));
        Assert.Equal(2, Assert.IsType<BrookEvent<System.Text.Json.JsonElement>>(e).Data.GetInt32());
    }

    [Fact]
    public async Task A_created_object_is_taken_when_its_handler_returns_it()
    {
        ViewCollection<List<int>> lists = "lists";
        List<int> shared = [];
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("made", e =>
        {
            shared.Add(e.Data);
            return Create(lists, e.Key!, shared);
        }));

        await lane.ProcessAsync(TestLane.Event("made", 1, "a"), TestLane.Event("made", 2, "b"));

        Assert.Equal(("[1]", "[1,2]"), (await lane.StoredAsync("lists", "a"), await lane.StoredAsync("lists", "b")));
    }

    [Fact]
    public async Task A_handler_that_reads_gets_what_is_stored_not_an_object_that_somebody_kept()
    {
        List<int> shared = [1];
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("made", _ => Create(Counting.Lists, "a", shared)).Event<string>("counted").AddHandler<Counting>());
        await lane.ProcessAsync(TestLane.Event("made", 1, "a"));
        shared.Add(2);

        await lane.ProcessAsync(TestLane.Event("counted", "a", "a"));

        Assert.Equal(1, await lane.View.GetAsync(Counting.Counts, "a", Token));
    }

    [Fact]
    public async Task A_struct_that_JSON_does_not_keep_whole_is_what_its_JSON_says()
    {
        ViewCollection<Half> halves = "halves";
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("added", e => Merge(halves, "a", half => new Half(half.Sum + half.Last) { Last = e.Data })));

        await lane.ProcessAsync(TestLane.Event("added", 1), TestLane.Event("added", 2));

        Assert.Equal("{\"sum\":0}", await lane.StoredAsync("halves", "a"));
    }

    private readonly record struct Half(int Sum)
    {
        [System.Text.Json.Serialization.JsonIgnore]
        public int Last { get; init; }
    }

    private sealed class Counting : IAsyncBrookHandler<string>
    {
        public static readonly ViewCollection<List<int>> Lists = "lists";
        public static readonly ViewCollection<int> Counts = "counts";

        public async ValueTask<Changes> HandleAsync(BrookEvent<string> e, HandlerContext context, CancellationToken cancellationToken)
            => Create(Counts, e.Data, (await context.View.GetAsync(Lists, e.Data, cancellationToken))!.Count);
    }

    [Fact]
    public void Values_that_never_change_and_are_all_in_their_JSON_are_used_again_and_no_others()
    {
        var plain = new PlainTypes(System.Text.Json.JsonSerializerOptions.Web);

        Assert.True(plain.Contain<Plain>());
        Assert.True(plain.Contain<string>());
        Assert.True(plain.Contain<decimal>());
        Assert.False(plain.Contain<Half>());
        Assert.False(plain.Contain<(int, int)>());
        Assert.False(new PlainTypes(new(System.Text.Json.JsonSerializerOptions.Web) { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault }).Contain<Plain>());
        Assert.False(plain.Contain<Mutable>());
        Assert.False(plain.Contain<Listing>());
        Assert.False(plain.Contain<Hiding>());
        Assert.False(plain.Contain<Ignoring>());
        Assert.False(plain.Contain<Open>());
        Assert.False(plain.Contain<Closed>());
        Assert.False(plain.Contain<List<int>>());
        Assert.False(new PlainTypes(new System.Text.Json.JsonSerializerOptions { Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() }, TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver() }).Contain<Plain>());
    }

    private sealed record Plain(string Name, int? Count, DateTimeOffset At, DayOfWeek Day);
    private sealed record Mutable(string Name) { public int Count { get; set; } }
    private sealed record Listing(List<int> Numbers);
    private sealed record Hiding(string Name)
    {
        private readonly string _hidden = Name + "!";
        public string Shout() => _hidden;
    }
    private sealed record Ignoring(string Name)
    {
        [System.Text.Json.Serialization.JsonIgnore]
        public string? Nick { get; init; }
    }
    private record Open(string Name);
    private sealed record Closed(string Name) : Open(Name);
}
