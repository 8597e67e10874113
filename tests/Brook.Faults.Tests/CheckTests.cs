using System.Text;
using Brook.Storage;

namespace Brook.Faults.Tests;

/// <summary>The comparison itself: a view that is right passes, and each way to be wrong is found and called by its name.</summary>
public sealed class CheckTests
{
    private const int Count = 60;
    private static readonly Events s_events = new(seed: 1, fails: false, copies: false);
    private readonly InMemoryViewStore _store = new();

    [Fact]
    public async Task A_view_that_is_right_is_right()
    {
        await ApplyAsync(Enumerable.Range(0, Count));

        var check = await CheckAsync();

        Assert.Empty(check.Differences);
        Assert.Equal((0, 0, 0, 0), (check.Lost, check.Doubled, check.OutOfOrder, check.Wrong));
    }

    [Fact]
    public async Task An_event_that_is_missing_is_lost()
    {
        await ApplyAsync(Enumerable.Range(0, Count).Where(n => n != 20));

        Assert.Equal((1, 0), await CheckAsync() is var check ? (check.Lost, check.Doubled) : default);
    }

    [Fact]
    public async Task An_event_that_was_applied_twice_is_doubled()
    {
        await ApplyAsync(Enumerable.Range(0, Count).SelectMany(n => Enumerable.Repeat(n, n == 20 ? 2 : 1)));

        Assert.Equal((0, 1), await CheckAsync() is var check ? (check.Lost, check.Doubled) : default);
    }

    [Fact]
    public async Task Events_that_changed_places_are_out_of_order()
    {
        await ApplyAsync(Enumerable.Range(0, Count).Select(n => n switch { 20 => 21, 21 => 20, _ => n }));

        var check = await CheckAsync();

        Assert.Equal((0, 0), (check.Lost, check.Doubled));
        Assert.True(check.OutOfOrder > 0);
    }

    [Fact]
    public async Task A_value_that_differs_is_wrong()
    {
        await ApplyAsync(Enumerable.Range(0, Count));
        await PutAsync(new("totals", "all"), """{"count":60,"sum":1}""");

        Assert.Contains("totals/all", Assert.Single(await WrongAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_entry_that_nobody_wrote_is_wrong()
    {
        await ApplyAsync(Enumerable.Range(0, Count));
        await PutAsync(new("left", "7"), "1");

        Assert.Contains("left/7: 1 instead of nothing", Assert.Single(await WrongAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_lacks_a_record_or_has_one_twice_is_wrong()
    {
        await ApplyAsync(Enumerable.Range(0, Count));
        await AppendAsync(new("left", "0"), s_events.At(0, Count - 1));
        await AppendAsync(new("seen", "0:3"), s_events.At(0, 3));

        Assert.Equal(["log of seen/0:3", "log of left/0"], (await WrongAsync()).Select(difference => difference[..difference.IndexOf(": [", StringComparison.Ordinal)]));
    }

    [Fact]
    public async Task A_lane_that_stands_elsewhere_and_a_row_that_should_not_be_there_are_wrong()
    {
        await ApplyAsync(Enumerable.Range(0, Count));
        await PutAsync(new("$lanes", Feed.Lane(0)), """{"epoch":1,"next":59}""");
        await PutAsync(new("$parked", "faults/0/000000000000"), $$"""{"behind":false,"event":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(s_events.At(0, 3).Json))}}"}""");

        var differences = await WrongAsync();

        Assert.Equal(["$parked: 1 rows instead of 0; missing ; too many (0, 3, False)", "faults/0: next is 59 instead of 60"], differences);
    }

    [Fact]
    public async Task A_reader_that_sees_half_an_event_or_an_older_one_says_so()
    {
        await ApplyAsync(Enumerable.Range(0, Count));
        using var stop = new CancellationTokenSource();
        var watcher = new Watcher(_store, 1, mayRewind: false);
        var watching = watcher.RunAsync(stop.Token);
        await UntilAsync(() => watcher.Reads > 0);
        Assert.True(watcher.Half > 0, "the control writes entry by entry, so versions differ");
        await PutAsync(new("left", "0"), "1");
        await UntilAsync(() => watcher.Backwards > 0);
        await stop.CancelAsync();
        await watching;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(20));
        while (!condition()) await Task.Delay(2, deadline.Token);
    }

    /// <summary>By the control, which is right as long as nothing goes wrong.</summary>
    private async Task ApplyAsync(IEnumerable<int> offsets)
    {
        await using var lane = await Naive.OpenAsync(_store, 0);
        foreach (var n in offsets) await lane.ProcessAsync(Feed.Run(s_events, 0, n, n + 1), TestContext.Current.CancellationToken);
    }

    private async Task<Check> CheckAsync()
    {
        var clean = new CleanFold();
        clean.Add(s_events, 0, Enumerable.Range(0, Count));
        var check = new Check(_store, clean);
        await check.RunAsync(TestContext.Current.CancellationToken);
        await check.PositionAsync(Feed.Offsets, 0, Count, 0, TestContext.Current.CancellationToken);
        return check;
    }

    private async Task<List<string>> WrongAsync()
    {
        var check = await CheckAsync();
        Assert.True(check.Wrong > 0);
        return check.Differences;
    }

    private async Task PutAsync(EntryKey entry, string json)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(entry, EntryAction.Put, null, Encoding.UTF8.GetBytes(json)));
        Assert.True((await _store.CommitAsync(commit, TestContext.Current.CancellationToken)).IsCommitted);
    }

    private async Task AppendAsync(EntryKey entry, Event e)
    {
        var stored = (await _store.ReadAsync(new[] { entry }, TestContext.Current.CancellationToken))[0];
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(entry, EntryAction.Put, null, stored.Value));
        commit.Add(new CommitAppend(0, e.Type, Encoding.UTF8.GetBytes(e.Json), BrookOptions.KeepAll));
        Assert.True((await _store.CommitAsync(commit, TestContext.Current.CancellationToken)).IsCommitted);
    }
}
