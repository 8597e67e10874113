using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Tests.SettingAside.Ledger;

namespace Brook.Tests.SettingAside;

/// <summary>The process that holds a lane tries what it has set aside again, later and later.</summary>
public sealed class RetriesByThemselvesTests
{
    private readonly Ledger _ledger = new(1);
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);

    [Fact]
    public async Task A_key_is_tried_a_minute_later_and_its_events_applied_in_order()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"), Note(3, "b"));
        _ledger.Mend(1);
        await Until.TrueAsync(() => { _time.Advance(TimeSpan.FromSeconds(1)); return lane.Engine.Parked == 0; }, "the key to be released");
        Assert.InRange(_time.GetUtcNow() - DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(48), TimeSpan.FromMinutes(5));
        Assert.Equal([1, 2], await ListAsync(lane));
        Assert.Equal(1, (await lane.ProcessAsync(Note(4, "a"))).Applied);
    }

    [Fact]
    public async Task The_pause_doubles_up_to_an_hour_give_or_take_a_fifth()
    {
        await using var lane = await OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"));
        for (var retries = 0; retries < 10; retries++)
        {
            var expected = TimeSpan.FromMinutes(Math.Min(60, Math.Pow(2, retries)));
            Assert.InRange(lane.Lane.Held.NextDue()!.Value - _time.GetUtcNow(), expected * 0.8, expected * 1.2);
            await lane.Parked.RetryAsync("a", Token);           // one by hand counts as well
        }
    }

    [Fact]
    public async Task With_a_delay_of_zero_nothing_is_tried_by_itself()
    {
        await using var lane = await OpenAsync(Stores.New(), brook => brook.Options.ParkedRetryDelay = TimeSpan.Zero);
        await lane.ProcessAsync(Note(1, "a"));
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Null(lane.Lane.Held.NextDue());
        Assert.Single(_ledger.Tried);
    }

    [Fact]
    public async Task A_new_owner_goes_on_with_what_the_last_one_has_left()
    {
        var store = Stores.New();
        await using (var first = await OpenAsync(store)) await first.ProcessAsync(Note(1, "a"));
        _ledger.Mend(1);
        await using var second = await OpenAsync(store);
        await Until.TrueAsync(() => { _time.Advance(TimeSpan.FromSeconds(10)); return second.Engine.Parked == 0; }, "the key to be released");
        Assert.Equal([1], await ListAsync(second));
    }

    [Fact]
    public async Task Retries_end_with_their_lane()
    {
        var store = Stores.New();
        await using (var lane = await OpenAsync(store)) await lane.ProcessAsync(Note(1, "a"));
        _ledger.Tried.Clear();
        for (var i = 0; i < 100; i++) _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Empty(_ledger.Tried);
    }

    [Fact]
    public async Task What_another_node_has_released_is_noticed()
    {
        var store = Stores.New();
        await using var lane = await OpenAsync(store);
        await using var other = await _ledger.OpenAsync(store, name: "other/0");
        await lane.ProcessAsync(Note(1, "a"));
        _ledger.Mend(1);
        await other.Parked.RetryAsync("a", Token);
        Assert.Equal(1, lane.Engine.Parked);
        await Until.TrueAsync(() => { _time.Advance(TimeSpan.FromSeconds(10)); return lane.Engine.Parked == 0; }, "the owner to notice");
        Assert.Equal([1], await ListAsync(lane));
    }

    [Fact]
    public async Task A_retry_that_fails_for_reasons_of_its_own_is_said_and_made_again_later()
    {
        var (store, broken) = (new HookedStore(), true);
        await using var lane = await OpenAsync(store);
        await lane.ProcessAsync(Note(1, "a"));
        _ledger.Mend(1);
        store.Committing = commit => broken && commit.Writes("$parking") ? throw new BrookException("the store refuses") : Task.CompletedTask;
        await Until.TrueAsync(() => { _time.Advance(TimeSpan.FromSeconds(10)); return _ledger.Tried.Count > 1; }, "a try");
        broken = false;
        await Until.TrueAsync(() => { _time.Advance(TimeSpan.FromSeconds(10)); return lane.Engine.Parked == 0; }, "the key to be released");
        Assert.Equal([1], await ListAsync(lane));
    }

    private Task<TestLane> OpenAsync(IViewStore store, Action<BrookBuilder>? configure = null) => _ledger.OpenAsync(store, time: _time, configure: brook =>
    {
        brook.Options.ParkedRetryDelay = new BrookOptions().ParkedRetryDelay;
        configure?.Invoke(brook);
    });
}
