using Brook.Storage;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Staging;

/// <summary>A merge function may change the object it is given: what is stored is exact all the same, however often it runs.</summary>
public sealed class InPlaceMergeTests
{
    private static readonly ViewCollection<List<int>> Lists = "lists", Copies = "copies";

    [Fact]
    public async Task After_a_failed_merge_on_the_same_entry()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(TestLane.Event("add", 1, "a"));
        await lane.ProcessAsync(TestLane.Event("add", 2, "a"), TestLane.Event("poison", 0, "other"), TestLane.Event("add", 3, "a"));
        Assert.Equal("[1,2,3]", await lane.StoredAsync("lists", "all"));
    }

    [Fact]
    public async Task After_a_failed_merge_over_a_start_that_the_handler_gave()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(TestLane.Event("add", 1, "a"), TestLane.Event("poison", 0, "other"), TestLane.Event("add", 2, "a"));
        Assert.Equal("[1,2]", await lane.StoredAsync("lists", "all"));
    }

    [Fact]
    public async Task After_a_failed_merge_over_a_value_created_in_the_same_batch()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(TestLane.Event("create", 1, "a"), TestLane.Event("add", 2, "a"), TestLane.Event("poison", 0, "other"));
        Assert.Equal("[1,2]", await lane.StoredAsync("lists", "all"));
    }

    [Fact]
    public async Task After_a_conflict()
    {
        var store = new HookedStore();
        await using var lane = await OpenAsync(store);
        await lane.ProcessAsync(TestLane.Event("add", 1, "a"));
        var done = false;
        store.Committing = async _ =>
        {
            if (done) return;
            done = true;
            await store.Inner.PutAsync("lists", "all", "[9]");
        };
        await lane.ProcessAsync(TestLane.Event("add", 2, "a"), TestLane.Event("add", 3, "a"));
        Assert.Equal("[9,2,3]", await lane.StoredAsync("lists", "all"));
    }

    [Fact]
    public async Task When_one_object_was_created_in_two_places()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(TestLane.Event("create:both", 1, "a"));
        await lane.ProcessAsync(TestLane.Event("add", 2, "a"));
        await lane.ProcessAsync(TestLane.Event("copy:add", 3, "a"));
        Assert.Equal(("[1,2]", "[1,3]"), (await lane.StoredAsync("lists", "all"), await lane.StoredAsync("copies", "all")));
    }

    private static Task<TestLane> OpenAsync(IViewStore store) => TestLane.OpenAsync(brook => brook.UseStore(_ => store)
        .On<int>("create", e => Create(Lists, "all", [e.Data]))
        .On<int>("create:both", e => new List<int> { e.Data } is var both ? [Create(Lists, "all", both), Create(Copies, "all", both)] : default)
        .On<int>("add", e => Merge(Lists, "all", [], list => { list.Add(e.Data); return list; }))
        .On<int>("copy:add", e => Merge(Copies, "all", [], list => { list.Add(e.Data); return list; }))
        .On<int>("poison", e => Merge(Lists, "all", [], list => throw new InvalidOperationException("poison"))));
}
