using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.BadInput;

public sealed class KeyFunctionTests
{
    [Fact]
    public async Task A_key_function_that_gives_an_empty_key_fails_the_event_with_its_reason()
    {
        ViewCollection<int> sums = "sums";
        await using var lane = await TestLane.OpenAsync(brook => brook.Event<int>("number:added", key: _ => "").On<int>("number:added", e => Merge(sums, "all", sum => sum + e.Data)));

        var result = await lane.ProcessAsync(TestLane.Event("number:added", 2), TestLane.Event("number:added", 3, "k"));

        Assert.Equal((1, 1), (result.Applied, result.SetAside));
        var parked = await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).SingleAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith("The key function of event type 'number:added' gave a key that cannot be one: The key is empty.", parked.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_stays_set_aside_when_the_commit_meets_a_conflict()
    {
        ViewCollection<int> sums = "sums";
        var store = new HookedStore();
        await using var lane = await TestLane.OpenAsync(brook => brook.UseStore(_ => store).Event<int>("number:added", key: n => n == 2 ? "" : null).On<int>("number:added", e => Merge(sums, "all", sum => sum + e.Data)));
        var met = false;
        store.Committing = async commit =>
        {
            if (met || !commit.Writes("sums")) return;
            met = true;
            await store.Inner.PutAsync("sums", "all", "100");
        };

        var result = await lane.ProcessAsync(TestLane.Event("number:added", 2), TestLane.Event("number:added", 3));

        Assert.Equal((true, 1, 1, "103"), (met, result.Applied, result.SetAside, await lane.StoredAsync("sums", "all")));
        Assert.StartsWith("The key function of", (await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).SingleAsync(TestContext.Current.CancellationToken)).Error, StringComparison.Ordinal);
    }
}
