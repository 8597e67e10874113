using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Staging;

/// <summary>What events meet in the store.</summary>
public sealed class StoredValuesTests
{
    private static readonly ViewCollection<int> Sums = "sums";
    private static readonly ViewCollection<string> SumsAsText = "sums";
    private static readonly ViewCollection<Order> Orders = "orders";
    private static readonly ViewCollection<int> Short = new("short") { TimeToLive = TimeSpan.FromMinutes(1) };

    [Fact]
    public async Task A_stored_value_that_cannot_be_read_fails_the_events_that_need_it_and_no_others()
    {
        var store = Stores.New();
        await store.PutAsync("sums", "a", "\"no number\"");
        await using var lane = await OpenAsync(store);
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 2, 0, 0, 1), await lane.ProcessAsync(TestLane.Event("add", 1), TestLane.Event("set", 5), TestLane.Event("add", 2)));
        Assert.Equal("7", await lane.StoredAsync("sums", "a"));
        var row = Assert.Single(await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Contains("sums/a is not a Int32", row.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_value_types_on_one_collection_name_are_a_clear_failure_of_the_second()
    {
        await using var lane = await OpenAsync(Stores.New());
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 1), await lane.ProcessAsync(TestLane.Event("set", 5), TestLane.Event("set:text", "x")));
        var row = Assert.Single(await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Contains("'sums' is used with values of Int32 and of String", row.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_merge_that_cannot_cope_with_nothing_says_so()
    {
        await using var lane = await OpenAsync(Stores.New());
        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("ship", 1))).SetAside);
        var row = Assert.Single(await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("The merge into orders/1 met nothing stored and failed", row.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_entry_with_a_time_to_live_begins_again_after_it()
    {
        var time = new FakeTimeProvider();
        await using var lane = await OpenAsync(Stores.New(time), time);
        await lane.ProcessAsync(TestLane.Event("short", 1), TestLane.Event("short", 2));
        time.Advance(TimeSpan.FromSeconds(59));
        await lane.ProcessAsync(TestLane.Event("short", 4));
        Assert.Equal("7", await lane.StoredAsync("short", "a"));
        time.Advance(TimeSpan.FromSeconds(61));
        await lane.ProcessAsync(TestLane.Event("short", 8));
        Assert.Equal("8", await lane.StoredAsync("short", "a"));
        Assert.Single(await lane.View.GetEventsAsync(Short, "a", cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_merge_with_an_initial_value_starts_from_it_where_null_is_stored_too()
    {
        var store = Stores.New();
        await store.PutAsync("orders", "1", "null");
        await using var lane = await OpenAsync(store);
        await lane.ProcessAsync(TestLane.Event("ship:or_new", 1), TestLane.Event("ship:or_new", 2));
        Assert.Equal(("""{"status":"new, shipped"}""", """{"status":"new, shipped"}"""), (await lane.StoredAsync("orders", "1"), await lane.StoredAsync("orders", "2")));
    }

    internal sealed record Order(string Status);

    private static Task<TestLane> OpenAsync(IViewStore store, TimeProvider? time = null) => TestLane.OpenAsync(brook => brook.UseStore(_ => store)
        .On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data))
        .On<int>("set", e => Create(Sums, "a", e.Data))
        .On<string>("set:text", e => Create(SumsAsText, "a", e.Data))
        .On<int>("ship", e => Merge(Orders, $"{e.Data}", order => order! with { Status = order.Status + ", shipped" }))
        .On<int>("ship:or_new", e => Merge(Orders, $"{e.Data}", new Order("new"), order => order with { Status = order.Status + ", shipped" }))
        .On<int>("short", e => Merge(Short, "a", sum => sum + e.Data)), time: time);
}
