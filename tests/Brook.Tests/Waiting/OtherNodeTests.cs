using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Waiting;

/// <summary>Two engines over one store: one has the lane, the other one waits. Time stands still unless a test moves it, so who is woken was woken by a signal.</summary>
public sealed class OtherNodeTests
{
    private const string Lane = "test/0";
    private static readonly ViewCollection<int> Numbers = "numbers";
    private readonly FakeTimeProvider _time = new();
    private readonly HookedStore _store = new();
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_waits_on_another_node_is_woken_by_the_commit_and_then_sees_it()
    {
        await using var owner = await OwnerAsync();
        await using var other = await OtherAsync();
        var waiting = WaitAsync(other, At(1));

        await owner.ProcessAsync(TestLane.Event("added", 1));
        await LooksAgainAsync();
        Assert.False(waiting.IsCompleted);
        await owner.ProcessAsync(TestLane.Event("added", 1));

        Assert.Equal(WaitResult.Applied, await waiting.Done());
        Assert.Equal(2, await other.View.GetAsync(Numbers, "a", Cancellation));
    }

    [Fact]
    public async Task What_was_applied_before_is_found_in_the_store()
    {
        await using var owner = await OwnerAsync(LaneGuard.MessageIds);
        var (message, next) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await owner.ProcessMessageAsync(message, TestLane.Event("added", 1));
        await using var other = await OtherAsync();

        Assert.Equal(WaitResult.Applied, await WaitAsync(other, Of(message)).Done());
        Assert.Equal(WaitResult.Applied, await WaitAsync(other, Of(message)).Done());
        var waiting = WaitAsync(other, Of(next));
        await owner.ProcessMessageAsync(next, TestLane.Event("added", 1));
        Assert.Equal(WaitResult.Applied, await waiting.Done());
    }

    [Fact]
    public async Task The_lane_of_a_wait_need_not_be_there_yet()
    {
        await using var other = await OtherAsync();
        var waiting = WaitAsync(other, At(0));
        await LooksAgainAsync();

        await using var owner = await OwnerAsync();
        await owner.ProcessAsync(TestLane.Event("added", 1));

        Assert.Equal(WaitResult.Applied, await waiting.Done());
    }

    [Fact]
    public async Task An_event_that_was_set_aside_there_is_answered_so_and_its_neighbours_are_not()
    {
        await using var owner = await OwnerAsync(LaneGuard.MessageIds);
        await using var other = await OtherAsync();
        var message = Guid.CreateVersion7();
        var waits = Array.ConvertAll([(0L, 1L), (2, 2), (1, 2)], span => WaitAsync(other, Of(message, span.Item1, span.Item2)));

        await owner.ProcessMessageAsync(message, TestLane.Event("added", 1), TestLane.Event("added", 1), TestLane.Event("added", -1));

        Assert.Equal([WaitResult.Applied, WaitResult.SetAside, WaitResult.SetAside], await Task.WhenAll(waits).Done());
        Assert.Equal(WaitResult.SetAside, await WaitAsync(other, Of(message, 2, 2)).Done());
    }

    [Fact]
    public async Task A_row_that_is_gone_is_no_longer_set_aside()
    {
        await using var owner = await OwnerAsync();
        await using var other = await OtherAsync();
        await owner.ProcessAsync(TestLane.Event("added", -1));
        Assert.Equal(WaitResult.SetAside, await WaitAsync(other, At(0)).Done());

        await _store.ClearAsync("$parked", Cancellation);

        Assert.Equal(WaitResult.Applied, await WaitAsync(other, At(0)).Done());
    }

    [Fact]
    public async Task Rows_of_before_and_of_later_looks_are_known()
    {
        await using var owner = await OwnerAsync();
        await owner.ProcessAsync(TestLane.Event("added", -1));
        await using var other = await OtherAsync();
        Assert.Equal(WaitResult.SetAside, await WaitAsync(other, At(0)).Done());

        await owner.ProcessAsync(TestLane.Event("added", 1), TestLane.Event("added", -1));

        Assert.Equal(WaitResult.Applied, await WaitAsync(other, At(1)).Done());
        Assert.Equal(WaitResult.SetAside, await WaitAsync(other, At(2)).Done());
        Assert.Equal(WaitResult.SetAside, await WaitAsync(other, new Receipt([new ReceiptSpan(Lane, default, 0, 2)])).Done());
    }

    [Fact]
    public async Task A_message_in_parts_is_applied_for_each_caller_when_its_part_is()
    {
        await using var owner = await OwnerAsync(LaneGuard.MessageIds, brook => brook.Options.BatchEvents = 2);
        await using var other = await OtherAsync();
        var message = Guid.CreateVersion7();
        var (first, last) = (WaitAsync(other, Of(message, 0, 1)), WaitAsync(other, Of(message, 3, 3)));
        var second = new TaskCompletionSource();
        var commits = 0;
        _store.Committing = commit => commit.Writes(Numbers.Name) && ++commits == 2 ? second.Task : Task.CompletedTask;

        var processing = owner.ProcessMessageAsync(message, [.. Enumerable.Repeat(TestLane.Event("added", 1), 4)]).AsTask();
        Assert.Equal(WaitResult.Applied, await first.Done());
        Assert.False(last.IsCompleted);
        second.SetResult();

        await processing;
        Assert.Equal(WaitResult.Applied, await last.Done());
    }

    [Theory]
    [InlineData(4, 4)]
    [InlineData(4, 8)]
    [InlineData(8, 4)]
    [InlineData(10_000, 3)]
    public async Task Ids_are_found_when_the_ring_has_wrapped_also_one_of_another_size(int here, int there)
    {
        await using var owner = await OwnerAsync(LaneGuard.MessageIds, brook => brook.Options.RememberedMessages = there);
        await using var other = await OtherAsync(brook => brook.Options.RememberedMessages = here);
        for (var i = 0; i < 30; i++)
        {
            var message = Guid.CreateVersion7();
            var waiting = WaitAsync(other, Of(message));
            await owner.ProcessMessageAsync(message, TestLane.Event("added", 1));
            Assert.Equal(WaitResult.Applied, await waiting.Done());
        }
    }

    [Fact]
    public async Task A_lane_that_moves_while_somebody_waits_for_it_answers_wherever_it_goes()
    {
        await using var other = await OtherAsync();
        var first = await OwnerAsync();
        var waits = Enumerable.Range(0, 3).Select(offset => WaitAsync(other, At(offset))).ToArray();
        await first.ProcessAsync(TestLane.Event("added", 1));
        Assert.Equal(WaitResult.Applied, await waits[0].Done());

        var here = await other.Engine.OpenLaneAsync(Lane, LaneGuard.Offsets, Cancellation);             // to this node
        await here.ProcessAsync(new[] { EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(TestLane.Event("added", 1)), new EventPosition(Lane, 1), default) }, Cancellation);
        Assert.Equal(WaitResult.Applied, await waits[1].Done());

        await here.DisposeAsync();                                                                      // and on to another one
        await using var third = await OwnerAsync();
        await third.ProcessAsync(TestLane.Event("added", 1));
        Assert.Equal(WaitResult.Applied, await waits[2].Done());
        await first.DisposeAsync();
    }

    [Fact]
    public async Task A_lane_that_was_claimed_elsewhere_without_a_word_is_noticed_by_who_waits_long()
    {
        await using var idle = await OwnerAsync();
        await using var owner = await OwnerAsync();                 // idle is fenced, and does not know
        var waiting = WaitAsync(idle, At(0));
        await owner.ProcessAsync(TestLane.Event("added", 1));

        await PassesAsync(() => waiting.IsCompleted, "the answer", TimeSpan.FromSeconds(0.5));

        Assert.Equal(WaitResult.Applied, await waiting);
    }

    [Fact]
    public async Task Nothing_is_missed_between_the_look_and_the_next_wait()
    {
        await using var owner = await OwnerAsync();
        await using var other = await OtherAsync();
        for (var offset = 0; offset < 50; offset++)
        {
            var committed = Task.CompletedTask;
            var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _store.HasRead = keys =>                                // after the look's read, before it waits
            {
                if (keys[0] != new EntryKey("$lanes", Lane) || looked.Task.IsCompleted) return Task.CompletedTask;
                _store.HasRead = _ => Task.CompletedTask;
                committed = owner.ProcessAsync(TestLane.Event("added", 1)).AsTask();
                looked.TrySetResult();
                return committed;
            };
            var waiting = WaitAsync(other, At(offset));
            await looked.Task.Done();
            Assert.Equal(WaitResult.Applied, await waiting.Done());
        }
    }

    [Fact]
    public async Task A_store_that_is_away_while_somebody_waits_is_waited_for()
    {
        await using var owner = await OwnerAsync();
        await using var other = await OtherAsync(brook => brook.Options.RetryDelay = TimeSpan.FromMilliseconds(100));
        var failed = 0;
        _store.Reading = keys =>
        {
            if (keys[0].Collection != "$lanes") return Task.CompletedTask;
            failed++;
            throw HookedStore.Away();
        };
        var waiting = WaitAsync(other, At(0));
        await PassesAsync(() => failed > 2, "looks that fail", TimeSpan.FromSeconds(0.5));
        await owner.ProcessAsync(TestLane.Event("added", 1));

        _store.Reading = _ => Task.CompletedTask;
        await PassesAsync(() => waiting.IsCompleted, "the answer", TimeSpan.FromSeconds(0.5));

        Assert.Equal(WaitResult.Applied, await waiting);
    }

    [Fact]
    public async Task A_signal_that_got_lost_costs_a_second()
    {
        await using var owner = await OwnerAsync();
        await using var other = await OtherAsync(brook => brook.UseStore(_ => new Silent(_store)));
        var waiting = WaitAsync(other, At(0));
        await LooksAgainAsync();
        await owner.ProcessAsync(TestLane.Event("added", 1));

        await PassesAsync(() => waiting.IsCompleted, "the answer", TimeSpan.FromSeconds(0.5));

        Assert.Equal(WaitResult.Applied, await waiting);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_store_that_cannot_tell_of_changes_is_read_again_and_again_while_somebody_waits(bool fails)
    {
        await using var owner = await OwnerAsync();
        await using var other = fails ? await OtherAsync() : await OtherAsync(brook => brook.UseStore(_ => new Mute(_store)));
        if (fails) _store.Watching = _ => throw HookedStore.Away();
        var reads = 0;
        _store.Reading = keys => Task.FromResult(keys[0].Collection == LaneState.Collection ? Interlocked.Increment(ref reads) : 0);
        var waiting = WaitAsync(other, At(0));
        await PassesAsync(() => Volatile.Read(ref reads) > 3, "looks without a signal", TimeSpan.FromMilliseconds(100));
        await owner.ProcessAsync(TestLane.Event("added", 1));

        await PassesAsync(() => waiting.IsCompleted, "the answer", TimeSpan.FromMilliseconds(100));

        Assert.Equal(WaitResult.Applied, await waiting);
    }

    [Fact]
    public async Task The_wait_ends_when_its_time_is_over_or_it_is_cancelled()
    {
        await using var owner = await OwnerAsync();
        await using var other = await OtherAsync();
        using var cancelled = new CancellationTokenSource();
        var (late, given) = (other.View.WaitForAsync(At(0), TimeSpan.FromSeconds(5), Cancellation).AsTask(), other.View.WaitForAsync(At(0), cancellationToken: cancelled.Token).AsTask());
        await LooksAgainAsync();

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given.Done());
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(WaitResult.TimedOut, await late.Done());
    }

    [Fact]
    public async Task Thousands_who_wait_share_one_follower()
    {
        await using var owner = await OwnerAsync(LaneGuard.MessageIds);
        await using var other = await OtherAsync();
        var reads = 0;
        _store.Reading = keys => Task.FromResult(keys[0].Collection is "$lanes" or "$applied:test/0" ? Interlocked.Increment(ref reads) : 0);
        var message = Guid.CreateVersion7();
        var waits = Enumerable.Range(0, 5000).Select(_ => WaitAsync(other, Of(message))).ToArray();
        await LooksAgainAsync();
        Interlocked.Exchange(ref reads, 0);

        await owner.ProcessMessageAsync(message, TestLane.Event("added", 1));

        Assert.All(await Task.WhenAll(waits).Done(), result => Assert.Equal(WaitResult.Applied, result));
        Assert.InRange(Volatile.Read(ref reads), 1, 6);
    }

    [Fact]
    public async Task While_nobody_waits_nothing_is_read_and_after_a_while_nothing_is_watched()
    {
        await using var owner = await OwnerAsync();
        var watched = new CountsWatches(_store);
        await using var other = await OtherAsync(brook => brook.UseStore(_ => watched));
        await owner.ProcessAsync(TestLane.Event("added", 1));
        Assert.Equal(0, watched.Watches);
        Assert.Equal(WaitResult.Applied, await WaitAsync(other, At(0)).Done());
        Assert.Equal(1, watched.Watches);
        var reads = 0;
        watched.Read = () => Interlocked.Increment(ref reads);

        for (var i = 0; i < 100; i++) await owner.ProcessAsync(TestLane.Event("added", 1));
        await PassesAsync(() => watched.Watches == 0, "the end of the watch", TimeSpan.FromSeconds(1));

        Assert.Equal(0, reads);
        Assert.Equal(WaitResult.Applied, await WaitAsync(other, At(100)).Done());
    }

    [Fact]
    public async Task A_store_that_went_back_is_read_anew()
    {
        await using var other = await OtherAsync();
        await using (var owner = await OwnerAsync(LaneGuard.MessageIds))
        {
            var old = Guid.CreateVersion7();
            var before = WaitAsync(other, Of(old));
            await owner.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("added", 1));
            await owner.ProcessMessageAsync(old, TestLane.Event("added", 1));
            Assert.Equal(WaitResult.Applied, await before.Done());
        }
        foreach (var collection in (string[])["$lanes", "$applied:test/0"]) await _store.ClearAsync(collection, Cancellation);
        var message = Guid.CreateVersion7();
        var waiting = WaitAsync(other, Of(message));
        await using var later = await OwnerAsync(LaneGuard.MessageIds);
        await later.ProcessMessageAsync(message, TestLane.Event("added", 1));

        Assert.Equal(WaitResult.Applied, await waiting.Done());
    }

    private static Receipt At(long offset) => new([new ReceiptSpan(Lane, default, offset, offset)]);

    private static Receipt Of(Guid message, long first = 0, long last = 0) => new([new ReceiptSpan(Lane, message, first, last)]);

    private Task<TestLane> OwnerAsync(LaneGuard guard = LaneGuard.Offsets, Action<BrookBuilder>? more = null) => OpenAsync(Lane, guard, more);

    /// <summary>A node that has another lane.</summary>
    private Task<TestLane> OtherAsync(Action<BrookBuilder>? more = null) => OpenAsync($"other-{Guid.NewGuid()}/0", LaneGuard.Offsets, more);

    private Task<TestLane> OpenAsync(string lane, LaneGuard guard, Action<BrookBuilder>? more) => TestLane.OpenAsync(brook =>
    {
        brook.UseStore(_ => _store);
        brook.Options.HandlerAttempts = 1;
        brook.On<int>("added", e => Merge(Numbers, "a", n => e.Data > 0 ? n + e.Data : throw new InvalidOperationException("Not to be added.")));
        more?.Invoke(brook);
    }, guard, lane, _time);

    /// <summary>Ends when a follower has looked, and waits.</summary>
    private async Task LooksAgainAsync()
    {
        var looks = 0;
        _store.HasRead = keys => Task.FromResult(keys[0].Collection == LaneState.Collection ? Interlocked.Increment(ref looks) : 0);
        await PassesAsync(() => Volatile.Read(ref looks) > 1, "a look", TimeSpan.FromMilliseconds(200));
    }

    /// <summary>An hour, so that no test is over before its answer comes.</summary>
    private static Task<WaitResult> WaitAsync(TestLane node, Receipt receipt) => node.View.WaitForAsync(receipt, TimeSpan.FromHours(1), Cancellation).AsTask();

    /// <summary>Lets time go by until something has become true.</summary>
    private Task PassesAsync(Func<bool> condition, string what, TimeSpan step) => Until.TrueAsync(() =>
    {
        if (condition()) return new(true);
        _time.Advance(step);
        return new ValueTask<bool>(false);
    }, what);

    /// <summary>Takes watches, and never tells.</summary>
    private sealed class Silent(IViewStore inner) : StoreDecorator(inner)
    {
        public override ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken) => base.WatchAsync(entry, () => { }, cancellationToken);
    }

    private sealed class Mute(IViewStore inner) : StoreDecorator(inner)
    {
        public override ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken) => default;
    }

    private sealed class CountsWatches(IViewStore inner) : StoreDecorator(inner)
    {
        private int _watches;

        public int Watches => Volatile.Read(ref _watches);

        public Action Read { get; set; } = () => { };

        public override ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
        {
            Read();
            return base.ReadAsync(keys, cancellationToken);
        }

        public override async ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
        {
            var watch = await base.WatchAsync(entry, changed, cancellationToken);
            Interlocked.Increment(ref _watches);
            return new Ending(watch!, () => Interlocked.Decrement(ref _watches));
        }

        private sealed class Ending(IAsyncDisposable watch, Action ended) : IAsyncDisposable
        {
            public ValueTask DisposeAsync()
            {
                ended();
                return watch.DisposeAsync();
            }
        }
    }
}
