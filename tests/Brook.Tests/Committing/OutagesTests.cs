using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Committing;

/// <summary>A store that is away is waited for; nothing is lost and no event is to blame.</summary>
public sealed class OutagesTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Theory]
    [InlineData(true, LogLevel.Warning)]
    [InlineData(false, LogLevel.Error)]
    public async Task A_commit_is_made_again_until_the_store_takes_it_and_the_log_says_who_must_act(bool transient, LogLevel level)
    {
        var (store, time, logs, failures) = (new HookedStore(), new FakeTimeProvider(), new FakeLoggerProvider(), 0);
        await using var lane = await OpenAsync(store, time, logs);
        store.Committing = _ => Interlocked.Increment(ref failures) <= 25 ? throw new BrookException("no") { IsTransient = transient } : Task.CompletedTask;

        var processing = lane.ProcessAsync(TestLane.Event("add", 1)).AsTask();
        await Until.TrueAsync(() => { time.Advance(TimeSpan.FromSeconds(1)); return processing.IsCompleted; }, "the commit");

        Assert.Equal((new BatchResult(BatchOutcome.Committed, 1, 0, 0, 0), 26), (await processing, failures));
        Assert.Equal([level, level, level, LogLevel.Information], logs.Collector.GetSnapshot().Select(record => record.Level));      // attempts 1, 10 and 20, then back
        Assert.Equal(0, await lane.Parked.CountAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(LaneGuard.Offsets)]
    [InlineData(LaneGuard.MessageIds)]
    [InlineData(LaneGuard.SharedMessageIds)]
    public async Task A_lost_answer_is_settled_by_looking_and_the_batch_is_applied_once(LaneGuard guard)
    {
        var (store, lost) = (new HookedStore(), 0);
        await using var lane = await OpenAsync(store, null, null, guard);
        store.Landed = _ => lost++ < 1 ? throw HookedStore.Away() : Task.CompletedTask;
        var looks = 0;
        store.Reading = _ => ++looks <= 3 ? throw HookedStore.Away() : Task.CompletedTask;      // nor can one look at once
        await lane.ProcessMessageAsync(guard == LaneGuard.Offsets ? default : Guid.CreateVersion7(), TestLane.Event("make", 7));
        Assert.Equal(("7", 1), (await lane.StoredAsync("sums", "a"), lost));
        Assert.Single(await lane.View.GetEventsAsync(Sums, "a", cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_store_that_is_away_at_the_start_is_waited_for()
    {
        var (store, time, starts) = (new HookedStore(), new FakeTimeProvider(), 0);
        store.Starting = () => Interlocked.Increment(ref starts) < 4 ? throw HookedStore.Away() : Task.CompletedTask;
        var opening = OpenAsync(store, time, null);
        await Until.TrueAsync(() => { time.Advance(TimeSpan.FromSeconds(1)); return opening.IsCompleted; }, "the lane to open");
        await using var lane = await opening;
        Assert.Equal((4, 1), (starts, (await lane.ProcessAsync(TestLane.Event("add", 1))).Applied));
    }

    [Fact]
    public async Task A_stop_while_the_store_is_away_leaves_the_events_for_later()
    {
        var store = new HookedStore();
        await using var lane = await OpenAsync(store, null, null);
        using var stop = new CancellationTokenSource();
        var asked = 0;
        store.Committing = async _ =>
        {
            if (++asked == 3) await stop.CancelAsync();
            throw HookedStore.Away();
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Lane.ProcessAsync(TestLane.Message("test/0", default, TestLane.Event("add", 1)), stop.Token));
        store.Committing = _ => Task.CompletedTask;
        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("add", 1))).Applied);
        Assert.Equal("1", await lane.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task A_commit_that_lands_late_while_it_is_made_again_counts_as_applied()
    {
        var (store, calls) = (new HookedStore(), 0);
        await using var lane = await OpenAsync(store, null, null, LaneGuard.MessageIds);
        store.Committing = async commit =>
        {
            if (++calls == 1) throw HookedStore.Away();                     // on its way, but slow
            if (calls == 2) await store.Inner.CommitAsync(commit, TestContext.Current.CancellationToken);
        };

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 0), await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 7)));
        Assert.Equal(("7", 2), (await lane.StoredAsync("sums", "a"), calls));
    }

    [Fact]
    public async Task A_store_that_goes_back_between_two_parts_of_what_is_not_acknowledged_loses_nothing_of_it()
    {
        var store = new HookedStore();
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.Options.BatchEvents = 2;
            brook.UseStore(_ => store).On<int>("add", e => [Merge(Sums, "a", sum => (sum * 10) + e.Data)]);
        }, LaneGuard.MessageIds);
        await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 1));
        var (lanes, sums, commits) = (await lane.StoredAsync("$lanes", "test/0"), await lane.StoredAsync("sums", "a"), 0);
        store.Landed = async _ =>
        {
            if (++commits != 1) return;                                     // the first part: confirmed, and then not kept
            await store.Inner.PutAsync("$lanes", "test/0", lanes!);
            await store.Inner.PutAsync("sums", "a", sums!);
        };

        await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 2), TestLane.Event("add", 3), TestLane.Event("add", 4), TestLane.Event("add", 5));

        Assert.Equal("12345", await lane.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task A_message_that_comes_again_is_applied_again_when_the_store_has_gone_back_behind_it()
    {
        var store = new HookedStore();
        await using var lane = await OpenAsync(store, null, null, LaneGuard.MessageIds);
        await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 1));
        var (lanes, sums) = (await lane.StoredAsync("$lanes", "test/0"), await lane.StoredAsync("sums", "a"));
        var message = Guid.CreateVersion7();
        await lane.ProcessMessageAsync(message, TestLane.Event("add", 2));
        await store.Inner.PutAsync("$lanes", "test/0", lanes!);
        await store.Inner.PutAsync("sums", "a", sums!);
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(new("$applied:test/0", "1"), EntryAction.Delete, null));
        await store.Inner.CommitAsync(commit, TestContext.Current.CancellationToken);

        var result = await lane.ProcessMessageAsync(message, TestLane.Event("add", 2));

        Assert.Equal(("3", new BatchResult(BatchOutcome.Committed, 1, 0, 0, 0)), (await lane.StoredAsync("sums", "a"), result));
    }

    [Fact]
    public async Task A_store_that_kept_a_part_of_a_commit_is_said_and_its_events_are_not_applied_over_it()
    {
        var (store, logs, calls) = (new HookedStore(), new FakeLoggerProvider(), 0);
        await using var lane = await OpenAsync(store, null, logs, LaneGuard.MessageIds);
        store.Committing = async commit =>
        {
            if (++calls > 1) return;
            var part = new Commit(commit.Version);
            foreach (var entry in commit.Entries)
                if (entry.Entry.Collection == "sums") part.Add(entry with { });
            await store.Inner.CommitAsync(part, TestContext.Current.CancellationToken);
            throw HookedStore.Away();
        };
        using var stop = new CancellationTokenSource();

        var processing = lane.Lane.ProcessAsync(TestLane.Message("test/0", Guid.CreateVersion7(), TestLane.Event("add", 7)), stop.Token).AsTask();
        await Until.TrueAsync(() => logs.Collector.GetSnapshot().Any(record => record.Id.Name == "StoreFails"), "the alarm");
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => processing);
        Assert.StartsWith("The store has a part of a commit, which it must never have: sums/a and not $lanes/test/0.", logs.Collector.GetSnapshot().First(record => record.Id.Name == "StoreFails").Exception!.Message, StringComparison.Ordinal);
        Assert.Equal("7", await lane.StoredAsync("sums", "a"));
    }

    [Theory]
    [InlineData(LaneGuard.Offsets)]
    [InlineData(LaneGuard.MessageIds)]
    public async Task A_store_that_has_gone_back_is_noticed_and_said(LaneGuard guard)
    {
        var (store, logs) = (new HookedStore(), new FakeLoggerProvider());
        await using var lane = await OpenAsync(store, null, logs, guard);
        await ProcessAsync(1);
        var before = await lane.StoredAsync("$lanes", "test/0");
        await ProcessAsync(2);
        await ProcessAsync(3);
        await store.Inner.PutAsync("$lanes", "test/0", before!);

        var outcome = (await ProcessAsync(4)).Outcome;

        Assert.Equal(guard == LaneGuard.Offsets ? BatchOutcome.Moved : BatchOutcome.Committed, outcome);
        var said = Assert.Single(logs.Collector.GetSnapshot(), record => record.Id.Name == "StoreWentBack");
        Assert.Equal(LogLevel.Error, said.Level);
        Assert.StartsWith("Lane test/0: the store has gone back by 2 message(s) or offset(s)", said.Message, StringComparison.Ordinal);

        ValueTask<BatchResult> ProcessAsync(int n) => guard == LaneGuard.Offsets ? lane.ProcessAsync(TestLane.Event("add", n)) : lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", n));
    }

    private static Task<TestLane> OpenAsync(IViewStore store, TimeProvider? time, FakeLoggerProvider? logs, LaneGuard guard = LaneGuard.Offsets) => TestLane.OpenAsync(brook =>
    {
        if (time is not null) brook.Options.RetryDelay = TimeSpan.FromMilliseconds(100);
        brook.UseStore(_ => store).On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<int>("make", e => Create(Sums, "a", e.Data));
    }, guard, time: time, services: services => services.AddLogging(logging => { if (logs is not null) logging.AddProvider(logs); }));
}
