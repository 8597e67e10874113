using System.Text;
using System.Text.Json;
using Brook.Lanes;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Tests.SettingAside.Ledger;

namespace Brook.Tests.SettingAside;

/// <summary>An event that will never be applied as it is: given up, replaced, or left aside while its key goes on.</summary>
public sealed class EditedEventsTests
{
    private readonly Ledger _ledger = new(1);

    [Fact]
    public async Task A_skipped_event_is_given_up_the_log_says_where_it_stood_and_those_behind_it_go_on()
    {
        var (logs, id) = (new FakeLoggerProvider(), Guid.CreateVersion7());
        await using var lane = await _ledger.OpenAsync(Stores.New(), services: services => services.AddLogging(logging => logging.AddProvider(logs)));
        await lane.ProcessAsync(Note(1, "a", id), Note(2, "a"), Note(3, "a"));

        var result = await lane.Parked.SkipAsync((await RowsAsync(lane))[0].RowId, Token);

        Assert.Equal((2, 0), (result.Applied, result.Failed.Count));
        Assert.Equal([2, 3], await ListAsync(lane));
        Assert.Contains(logs.Collector.GetSnapshot(), record => record.Message.StartsWith("Brook 'brook': 'note' at test/0", StringComparison.Ordinal) && record.Message.Contains("was given up", StringComparison.Ordinal));
        _ledger.Mend(1);
        Assert.Equal(1, (await lane.ProcessAsync(Note(1, "a", id))).Duplicates);      // it stays known
    }

    [Fact]
    public async Task Skipping_one_that_stands_behind_leaves_the_others_where_they_are()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"), Note(3, "a"));
        _ledger.Tried.Clear();
        var result = await lane.Parked.SkipAsync((await RowsAsync(lane))[1].RowId, Token);
        Assert.Equal((0, 0), (result.Applied, _ledger.Tried.Count));
        _ledger.Mend(1);
        await lane.Parked.RetryAsync("a", Token);
        Assert.Equal([1, 3], await ListAsync(lane));
    }

    [Fact]
    public async Task Replaced_data_is_applied_in_the_events_place_with_its_id_key_time_and_headers()
    {
        var (store, id) = (Stores.New(), Guid.CreateVersion7());
        await using var lane = await _ledger.OpenAsync(store);
        var record = Note(1, "a", id).Replace("\"data\"", "\"headers\":{\"x\":\"y\"},\"data\"", StringComparison.Ordinal);
        await lane.ProcessAsync(record, Note(2, "a"));

        var result = await lane.Parked.ReplaceAsync((await RowsAsync(lane))[0].RowId, 10, Token);

        Assert.Equal(2, result.Applied);
        Assert.Equal([10, 2], await ListAsync(lane));
        var logged = (await lane.View.GetEventsAsync(Lists, "a", cancellationToken: Token))[0];
        Assert.Equal((id, "a", "tester", DateTimeOffset.FromUnixTimeMilliseconds(1_591_619_696_123), "y"), (logged.Id, logged.Key, logged.Author, logged.CreatedAt, logged.Headers["x"]));
        Assert.Equal(1, (await lane.ProcessAsync(Note(1, "a", id))).Duplicates);
    }

    [Fact]
    public async Task Edited_json_is_taken_as_it_is()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"));
        await lane.Parked.ReplaceAsync((await RowsAsync(lane))[0].RowId, JsonDocument.Parse(" 12 ").RootElement, Token);
        Assert.Equal([12], await ListAsync(lane));
    }

    [Fact]
    public async Task A_replacement_behind_a_failed_event_waits_for_its_turn()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"));
        Assert.Equal(0, (await lane.Parked.ReplaceAsync((await RowsAsync(lane))[1].RowId, 20, Token)).Applied);
        _ledger.Mend(1);
        await lane.Parked.RetryAsync("a", Token);
        Assert.Equal([1, 20], await ListAsync(lane));
    }

    [Fact]
    public async Task Bytes_that_could_not_be_read_stay_until_they_are_replaced_by_an_event()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.Lane.ProcessAsync(new[] { EventEnvelope.Read(new byte[] { 0xff, 0x00 }, new("test/0", 0), default) }, Token);
        var row = Assert.Single(await RowsAsync(lane));
        Assert.Single((await lane.Parked.RetryAllAsync(Token)).Failed);
        Assert.Equal($"The event of row '{row.RowId}' could not be read, so it has no data to be replaced. Replace the whole event (ReplaceRecordAsync).", (await Assert.ThrowsAsync<BrookException>(async () => await lane.Parked.ReplaceAsync(row.RowId, 1, Token))).Message);
        Assert.Equal(row.Event.ToArray(), (await RowsAsync(lane))[0].Event.ToArray());

        var result = await lane.Parked.ReplaceRecordAsync(row.RowId, Encoding.UTF8.GetBytes(Note(3, "a")), Token);

        Assert.Equal(1, result.Applied);
        Assert.Equal([3], await ListAsync(lane));
    }

    [Fact]
    public async Task A_record_that_the_transport_refused_is_not_read_by_other_rules_later()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.Lane.ProcessAsync(new[] { new EventEnvelope { Type = "", Record = Encoding.UTF8.GetBytes(Note(5, "a")), Position = new("test/0", 0), Error = "the transport does not take it" } }, Token);
        Assert.Equal("the transport does not take it", Assert.Single((await lane.Parked.RetryAllAsync(Token)).Failed).Error);
        Assert.Empty(await ListAsync(lane));
    }

    [Theory]
    [InlineData("nonsense", "The event cannot be read: ")]
    [InlineData("""{"id":"{id}","type":"note","key":"b","data":1}""", "its key is 'b', and the row's is 'a': it keeps its place in the order of its key")]
    [InlineData("""{"id":"01900000-0000-7000-8000-000000000000","type":"note","key":"a","data":1}""", "its id is 01900000-0000-7000-8000-000000000000 and the row's is ")]
    [InlineData("""{"id":"{id}","type":"nobody:knows","key":"a","data":1}""", "nobody maps the event type 'nobody:knows'")]
    [InlineData("""{"id":"{id}","type":"note","key":"a","data":"text"}""", "its data is not a Int32: ")]
    public async Task A_replacement_that_is_not_that_event_is_refused_and_nothing_is_written(string record, string reason)
    {
        var id = Guid.CreateVersion7();
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a", id));
        var row = (await RowsAsync(lane))[0];

        var error = await Assert.ThrowsAsync<BrookException>(async () => await lane.Parked.ReplaceRecordAsync(row.RowId, Encoding.UTF8.GetBytes(record.Replace("{id}", id.ToString(), StringComparison.Ordinal)), Token));

        Assert.StartsWith($"Row '{row.RowId}' cannot be replaced by that, and stays as it is: {reason}", error.Message, StringComparison.Ordinal);
        Assert.Equal(Encoding.UTF8.GetString(row.Event.Span), Encoding.UTF8.GetString((await RowsAsync(lane))[0].Event.Span));
    }

    [Fact]
    public async Task A_replacement_that_is_too_large_or_cannot_be_serialized_is_refused()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New(), configure: brook => brook.On<string>("text", _ => throw new InvalidOperationException("no")).Options.MaxEventBytes = 2000);
        await lane.ProcessAsync(TestLane.Event("text", "x", "a"));
        var row = (await RowsAsync(lane))[0];
        Assert.Contains("the limit is 2,000 (MaxEventBytes)", (await Assert.ThrowsAsync<BrookException>(async () => await lane.Parked.ReplaceAsync(row.RowId, new string('x', 3000), Token))).Message, StringComparison.Ordinal);
        Assert.StartsWith($"The new data of row '{row.RowId}' cannot be serialized: ", (await Assert.ThrowsAsync<BrookException>(async () => await lane.Parked.ReplaceAsync(row.RowId, (Func<int>)(() => 1), Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_released_event_stays_and_its_key_goes_on_without_it_until_it_is_retried_out_of_its_order()
    {
        var store = Stores.New();
        await using var lane = await _ledger.OpenAsync(store);
        await lane.ProcessAsync(Note(1, "a"), Note(2, "a"));

        var result = await lane.Parked.ReleaseAsync((await RowsAsync(lane))[0].RowId, Token);
        await lane.ProcessAsync(Note(3, "a"));

        Assert.Equal(1, result.Applied);
        Assert.Equal([2, 3], await ListAsync(lane));
        var row = Assert.Single(await RowsAsync(lane));
        Assert.Equal((true, "a"), (row.IsReleased, row.Key));
        Assert.StartsWith($"Row '{row.RowId}' holds no key", (await Assert.ThrowsAsync<BrookException>(async () => await lane.Parked.ReleaseAsync(row.RowId, Token))).Message, StringComparison.Ordinal);
        await using var next = await _ledger.OpenAsync(store);                 // nor does it hold the key after a restart
        await next.ProcessAsync(Note(4, "a"));
        _ledger.Mend(1);
        Assert.Equal(1, (await next.Parked.RetryAsync("a", Token)).Applied);
        Assert.Equal([2, 3, 4, 1], await ListAsync(next));
    }

    [Fact]
    public async Task A_released_event_that_fails_again_holds_up_no_other_of_its_key()
    {
        await using var lane = await _ledger.OpenAsync(Stores.New());
        await lane.ProcessAsync(Note(1, "a"));
        await lane.Parked.ReleaseAsync((await RowsAsync(lane))[0].RowId, Token);
        _ledger.Break(2);
        await lane.ProcessAsync(Note(2, "a"), Note(3, "a"));
        _ledger.Mend(2);
        var result = await lane.Parked.RetryAllAsync(Token);
        Assert.Equal((2, 1, 0), (result.Applied, result.Failed.Count, result.Behind));
        Assert.Equal([2, 3], await ListAsync(lane));
    }
}
