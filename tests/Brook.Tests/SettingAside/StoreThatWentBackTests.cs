using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Tests.SettingAside.Ledger;

namespace Brook.Tests.SettingAside;

/// <summary>A store that went back has rows again that were released. Nobody who has seen them go may rest on that.</summary>
public sealed class StoreThatWentBackTests
{
    private readonly RewindingStore _store = new();
    private readonly Ledger _ledger = new(1, 2);

    [Fact]
    public async Task A_lane_puts_later_events_behind_a_row_that_is_there_again()
    {
        await using var lane = await _ledger.OpenAsync(_store);
        await lane.ProcessAsync(Note(1, "a"));
        _store.Mark();
        _ledger.Mend(1);
        await lane.Parked.RetryAllAsync(Token);
        var before = await ListAsync(lane);
        _store.GoBack();

        await lane.ProcessAsync(Note(3, "a"));
        var after = await ListAsync(lane);
        await lane.Parked.RetryAllAsync(Token);

        Assert.Equal([1], before);
        Assert.Empty(after);
        Assert.Equal([1, 3], await ListAsync(lane));
    }

    [Fact]
    public async Task A_retry_by_itself_begins_with_the_row_that_is_there_again()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var lane = await _ledger.OpenAsync(_store, configure: brook => brook.Options.ParkedRetryDelay = TimeSpan.FromHours(1), time: time);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"));
        _store.Mark();
        _ledger.Mend(1);
        await lane.Parked.RetryAllAsync(Token);         // 1 is applied, 2 fails again
        _store.GoBack();
        _ledger.Mend(2);

        await Until.TrueAsync(async () => { time.Advance(TimeSpan.FromHours(1)); return (await RowsAsync(lane)).Count == 0; }, "nothing is set aside");

        Assert.Equal([1, 2], await ListAsync(lane));
    }
}
