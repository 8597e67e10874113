using Brook.Lanes;
using Brook.Storage;
using Brook.Testing;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.Testing;

public sealed class FaultyViewStoreTests
{
    private static readonly EntryKey Entry = new("things", "a");
    private readonly InMemoryViewStore _inner = new();

    public static TheoryData<string> Cases => [.. ViewStoreContract.Cases];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Told_nothing_it_keeps_the_contract(string name)
        => ViewStoreContract.RunAsync(name, time => new(new FaultyViewStore(new InMemoryViewStore(time))), cancellationToken: TestContext.Current.CancellationToken);

    [Fact]
    public async Task A_commit_that_fails_before_the_store_writes_nothing()
    {
        var store = new FaultyViewStore(_inner).FailNext(FaultPoint.BeforeCommit);

        var error = await Assert.ThrowsAsync<BrookException>(() => PutAsync(store));

        Assert.Equal("Injected fault: the commit did not reach the store.", error.Message);
        Assert.True(error.IsTransient);
        Assert.True((await ReadAsync(_inner)).IsMissing);
        await PutAsync(store);
        Assert.False((await ReadAsync(_inner)).IsMissing);
        Assert.Equal((1, 1, 2), (store.Faults, store.FaultsAt(FaultPoint.BeforeCommit), store.CallsAt(FaultPoint.BeforeCommit)));
    }

    [Fact]
    public async Task A_commit_whose_answer_is_lost_has_landed()
    {
        var store = new FaultyViewStore(_inner).FailNext(FaultPoint.AfterCommit, transient: false);

        var error = await Assert.ThrowsAsync<BrookException>(() => PutAsync(store));

        Assert.Equal("Injected fault: the commit reached the store and its answer got lost.", error.Message);
        Assert.False(error.IsTransient);
        Assert.False((await ReadAsync(_inner)).IsMissing);
    }

    [Fact]
    public async Task Every_kind_of_read_can_fail()
    {
        var store = new FaultyViewStore(_inner).FailEvery(FaultPoint.Read, 1);

        await Assert.ThrowsAsync<BrookException>(() => ReadAsync(store));
        await Assert.ThrowsAsync<BrookException>(async () => await store.ReadPageAsync("things", "", null, 1, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<BrookException>(async () => await store.CountAsync("things", TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<BrookException>(async () => await store.ReadLogAsync(Entry, null, TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));

        Assert.Equal(4, store.FaultsAt(FaultPoint.Read));
    }

    [Fact]
    public async Task Every_nth_call_fails()
    {
        var store = new FaultyViewStore(_inner).FailEvery(FaultPoint.Read, 3);

        Assert.Equal([false, false, true, false, false, true, false], await FailuresAsync(store, 7));
    }

    [Fact]
    public async Task One_seed_gives_the_same_faults_another_seed_others()
    {
        Task<List<bool>> Failures(int seed) => FailuresAsync(new FaultyViewStore(_inner).FailRandomly(FaultPoint.Read, 0.3, seed), 500);

        var failures = await Failures(1);

        Assert.Equal(failures, await Failures(1));
        Assert.NotEqual(failures, await Failures(2));
        Assert.InRange(failures.Count(failed => failed), 100, 200);
    }

    [Fact]
    public async Task Away_until_told_every_call_fails()
    {
        var store = new FaultyViewStore(_inner) { IsAway = true };

        var error = await Assert.ThrowsAsync<BrookException>(async () => await store.StartAsync(TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<BrookException>(() => PutAsync(store));
        await Assert.ThrowsAsync<BrookException>(() => ReadAsync(store));
        store.IsAway = false;
        await PutAsync(store);

        Assert.Equal(("Injected fault: the store is away.", true), (error.Message, error.IsTransient));
        Assert.False((await ReadAsync(store)).IsMissing);
    }

    [Fact]
    public async Task Healed_it_fails_no_more_and_keeps_its_counters()
    {
        var store = new FaultyViewStore(_inner) { IsAway = true }.FailEvery(FaultPoint.Read, 1);
        await Assert.ThrowsAsync<BrookException>(() => ReadAsync(store));

        store.Heal();

        Assert.True((await ReadAsync(store)).IsMissing);
        Assert.Equal(1, store.Faults);
    }

    [Fact]
    public async Task Points_are_counted_apart()
    {
        var store = new FaultyViewStore(_inner).FailNext(FaultPoint.Start, 2);
        for (var i = 0; i < 2; i++) await Assert.ThrowsAsync<BrookException>(async () => await store.StartAsync(TestContext.Current.CancellationToken));

        await store.StartAsync(TestContext.Current.CancellationToken);
        await PutAsync(store);

        Assert.Equal((3, 1, 1, 0), (store.CallsAt(FaultPoint.Start), store.CallsAt(FaultPoint.BeforeCommit), store.CallsAt(FaultPoint.AfterCommit), store.CallsAt(FaultPoint.Read)));
        Assert.Equal((2, 0), (store.FaultsAt(FaultPoint.Start), store.FaultsAt(FaultPoint.BeforeCommit)));
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        var store = new FaultyViewStore(_inner);

        Assert.Throws<ArgumentNullException>(() => new FaultyViewStore(null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.FailNext(FaultPoint.Read, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.FailEvery(FaultPoint.Read, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.FailRandomly(FaultPoint.Read, 1.1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.FailRandomly(FaultPoint.Read, double.NaN, 1));
    }

    [Fact]
    public async Task A_lane_counts_right_over_a_store_that_fails_at_every_point()
    {
        var sums = new ViewCollection<int>("sums");
        var store = new FaultyViewStore(_inner).FailNext(FaultPoint.Start)
            .FailRandomly(FaultPoint.Read, 0.2, 1).FailRandomly(FaultPoint.BeforeCommit, 0.2, 2).FailRandomly(FaultPoint.AfterCommit, 0.2, 3, transient: false);
        await using var lane = await TestLane.OpenAsync(brook => brook.UseStore(_ => store).On<int>("number:added", e => Merge(sums, e.Key!, sum => sum + e.Data)));

        for (var i = 0; i < 200; i++) Assert.Equal(BatchOutcome.Committed, (await lane.ProcessAsync(TestLane.Event("number:added", 1, "a"), TestLane.Event("number:added", 2, "b"))).Outcome);

        store.Heal();
        Assert.Equal(200, await lane.View.GetAsync(sums, "a", TestContext.Current.CancellationToken));
        Assert.Equal(400, await lane.View.GetAsync(sums, "b", TestContext.Current.CancellationToken));
        Assert.All(Enum.GetValues<FaultPoint>(), point => Assert.True(store.FaultsAt(point) > 0, $"no fault at {point}"));
    }

    private static async Task PutAsync(FaultyViewStore store)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(Entry, EntryAction.Put, null, "1"u8.ToArray()));
        Assert.True((await store.CommitAsync(commit, TestContext.Current.CancellationToken)).IsCommitted);
    }

    private static async Task<StoredEntry> ReadAsync(IViewStore store) => (await store.ReadAsync(new[] { Entry }, TestContext.Current.CancellationToken))[0];

    private static async Task<List<bool>> FailuresAsync(FaultyViewStore store, int calls)
    {
        var failures = new List<bool>();
        for (var i = 0; i < calls; i++) failures.Add(await Record.ExceptionAsync(() => ReadAsync(store)) is BrookException);
        return failures;
    }
}
