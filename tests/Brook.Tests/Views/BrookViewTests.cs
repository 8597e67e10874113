using System.Globalization;
using System.Text;
using System.Text.Json;
using Brook.Storage;
using Brook.Testing;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Views;

public sealed class BrookViewTests
{
    private static readonly ViewCollection<string> Texts = "texts";
    private static readonly ViewCollection<int> Numbers = "numbers";
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_value_is_read_and_a_missing_one_is_the_default()
    {
        await using var lane = await OpenAsync(("texts", "a", "\"x\""), ("numbers", "a", "7"));

        Assert.Equal("x", await lane.View.GetAsync(Texts, "a", Cancellation));
        Assert.Null(await lane.View.GetAsync(Texts, "b", Cancellation));
        Assert.Equal(7, await lane.View.GetAsync(Numbers, "a", Cancellation));
        Assert.Equal(0, await lane.View.GetAsync(Numbers, "b", Cancellation));
    }

    [Fact]
    public async Task TryGet_and_Exists_tell_a_stored_null_from_a_missing_value()
    {
        await using var lane = await OpenAsync(("texts", "null", "null"));

        Assert.Equal(new ViewEntry<string>(true, null), await lane.View.TryGetAsync(Texts, "null", Cancellation));
        Assert.Equal(new ViewEntry<string>(false, null), await lane.View.TryGetAsync(Texts, "missing", Cancellation));
        Assert.Null(await lane.View.GetAsync(Texts, "null", Cancellation));
        Assert.True(await lane.View.ExistsAsync(Texts, "null", Cancellation));
        Assert.False(await lane.View.ExistsAsync(Texts, "missing", Cancellation));
    }

    [Fact]
    public async Task GetMany_leaves_missing_keys_out_and_takes_repeated_ones_once()
    {
        await using var lane = await OpenAsync(("texts", "a", "\"x\""), ("texts", "null", "null"));

        var found = await lane.View.GetManyAsync(Texts, ["a", "missing", "a", "null"], Cancellation);

        Assert.Equal(["a", "null"], found.Keys.Order());
        Assert.Equal(("x", null), (found["a"], found["null"]));
        Assert.Empty(await lane.View.GetManyAsync(Texts, [], Cancellation));
    }

    [Fact]
    public async Task GetMany_is_one_read_of_the_store()
    {
        var store = new FaultyViewStore(Stores.New());
        await using var lane = await TestLane.OpenAsync(brook => brook.UseStore(_ => store));
        var before = store.CallsAt(FaultPoint.Read);

        await lane.View.GetManyAsync(Texts, Enumerable.Range(0, 1000).Select(i => $"{i}"), Cancellation);

        Assert.Equal(1, store.CallsAt(FaultPoint.Read) - before);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Pages_give_every_entry_of_a_prefix_once(int size)
    {
        await using var lane = await OpenAsync([.. Enumerable.Range(0, 30).Select(i => ("numbers", $"{(i % 2 == 0 ? "even" : "odd")}:{i}", $"{i}"))]);
        var found = new Dictionary<string, int>();
        for (string? after = null; ;)
        {
            var page = await lane.View.GetPageAsync(Numbers, size, after, "even:", Cancellation);
            Assert.InRange(page.Entries.Count, 0, size);
            foreach (var (key, value) in page.Entries) found.Add(key, value);
            if ((after = page.Next) is null) break;
        }

        Assert.Equal(Enumerable.Range(0, 15).Select(i => i * 2), found.Values.Order());
        Assert.All(found, entry => Assert.Equal($"even:{entry.Value}", entry.Key));
    }

    [Fact]
    public async Task GetAll_streams_more_than_a_page_and_Count_counts_them()
    {
        await using var lane = await OpenAsync([.. Enumerable.Range(0, 1201).Select(i => ("numbers", i.ToString("D4", CultureInfo.InvariantCulture), $"{i}"))]);

        Assert.Equal(Enumerable.Range(0, 1201), (await lane.View.GetAllAsync(Numbers, cancellationToken: Cancellation).ToListAsync(Cancellation)).Select(entry => entry.Value).Order());
        Assert.Equal(100, await lane.View.GetAllAsync(Numbers, "03", Cancellation).CountAsync(Cancellation));
        Assert.Equal(1201, await lane.View.CountAsync(Numbers, Cancellation));
        Assert.Equal(0, await lane.View.CountAsync(Texts, Cancellation));
        Assert.Empty(await lane.View.GetAllAsync(Texts, cancellationToken: Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Events_of_an_entry_come_oldest_first_of_one_type_or_all()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("added", e => Merge(Numbers, "a", n => n + e.Data)).On<int>("taken", e => Merge(Numbers, "a", n => n - e.Data)));
        await lane.ProcessAsync(TestLane.Event("added", 5, author: "me"), TestLane.Event("taken", 1), TestLane.Event("added", 2));

        Assert.Equal(["added(5)", "taken(1)", "added(2)"], (await lane.View.GetEventsAsync(Numbers, "a", cancellationToken: Cancellation)).Select(e => $"{e.Type}({e.Data})"));
        Assert.Equal([5, 2], (await lane.View.GetEventsAsync(Numbers, "a", "added", Cancellation)).Select(e => ((BrookEvent<int>)e).Data));
        Assert.Equal("me", (await lane.View.GetEventsAsync(Numbers, "a", "added", Cancellation))[0].Author);
        Assert.Empty(await lane.View.GetEventsAsync(Numbers, "b", cancellationToken: Cancellation));
    }

    [Fact]
    public async Task A_value_of_another_shape_is_a_JsonException()
    {
        await using var lane = await OpenAsync(("numbers", "a", "\"no number\""));

        await Assert.ThrowsAsync<JsonException>(async () => await lane.View.GetAsync(Numbers, "a", Cancellation));
    }

    [Fact]
    public async Task Keys_and_sizes_that_cannot_be_are_refused()
    {
        await using var lane = await OpenAsync();

        await Assert.ThrowsAsync<ArgumentException>(async () => await lane.View.GetAsync(Texts, "", Cancellation));
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await lane.View.TryGetAsync(Texts, null!, Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(async () => await lane.View.ExistsAsync(Texts, "", Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(async () => await lane.View.GetManyAsync(Texts, ["a", ""], Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(async () => await lane.View.GetEventsAsync(Texts, "", cancellationToken: Cancellation));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await lane.View.GetPageAsync(Texts, 0, cancellationToken: Cancellation));
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await lane.View.GetPageAsync(Texts, 1, prefix: null!, cancellationToken: Cancellation));
    }

    [Fact]
    public async Task A_store_that_fails_is_the_callers_exception_and_the_next_call_asks_again()
    {
        var store = new FaultyViewStore(Stores.New());
        await using var lane = await TestLane.OpenAsync(brook => brook.UseStore(_ => store));
        store.IsAway = true;

        Assert.True((await Assert.ThrowsAsync<BrookException>(async () => await lane.View.GetAsync(Texts, "a", Cancellation))).IsTransient);
        store.IsAway = false;
        Assert.Null(await lane.View.GetAsync(Texts, "a", Cancellation));
    }

    private static async Task<TestLane> OpenAsync(params (string Collection, string Key, string Json)[] entries)
    {
        var lane = await TestLane.OpenAsync(brook => brook.On<int>("unused", _ => default));
        var commit = new Commit(Commit.NewVersion());
        foreach (var (collection, key, json) in entries) commit.Add(new CommitEntry(new(collection, key), EntryAction.Put, null, Encoding.UTF8.GetBytes(json)));
        await lane.Store.CommitAsync(commit, Cancellation);
        return lane;
    }
}
