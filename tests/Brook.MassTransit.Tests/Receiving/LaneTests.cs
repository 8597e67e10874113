using System.Text;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Change;
using static Brook.MassTransit.Tests.Support.StreamMessages;

namespace Brook.MassTransit.Tests.Receiving;

/// <summary>What comes in on a lane: redelivered, malformed, foreign and later messages.</summary>
public sealed class LaneTests
{
    private static readonly ViewCollection<int> Counts = "counts";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static void Count(BrookBuilder brook) => brook.On<int>("number", e => Merge(Counts, e.Key!, n => e.Data < 0 ? throw new InvalidOperationException("negative") : n + e.Data));

    [Fact]
    public async Task A_redelivered_message_is_applied_once()
    {
        await using var harness = await Some.HarnessAsync(Count);
        var (id, body) = (NewId.NextGuid(), Line("number", "2", "a") + "\n" + Line("number", "3", "a"));

        await harness.PutAsync(body, id);
        await harness.PutAsync(body, id);
        await harness.WhenIdleAsync(Token);

        Assert.Equal(5, await harness.View.GetAsync(Counts, "a", Token));
        Assert.Equal(2, (await harness.View.GetEventsAsync(Counts, "a", cancellationToken: Token)).Count);
    }

    [Fact]
    public async Task A_redelivered_message_with_a_failed_event_in_it_is_known_and_does_not_loop()
    {
        await using var harness = await Some.HarnessAsync(Count);
        var (id, body) = (NewId.NextGuid(), Line("number", "2", "a") + "\n" + Line("number", "-1", "b") + "\n" + Line("number", "5", "b") + "\n" + Line("number", "3", "c"));

        await harness.PutAsync(body, id);
        await harness.PutAsync(body, id);
        await harness.WhenIdleAsync(Token);

        Assert.Equal((2, 0, 3), (await harness.View.GetAsync(Counts, "a", Token), await harness.View.GetAsync(Counts, "b", Token), await harness.View.GetAsync(Counts, "c", Token)));
        Assert.Equal(2, await harness.Parked.CountAsync(Token));          // the failed one, and the one behind it; once
    }

    [Fact]
    public async Task One_bad_event_among_500_is_set_aside_and_499_are_applied()
    {
        await using var harness = await Some.HarnessAsync(Count);

        var result = await harness.SendAsync(Enumerable.Range(0, 500).Select(i => new BrookEvent<int>("number", i == 250 ? -1 : 1) { Key = $"k{i}" }), Token);

        Assert.Equal(WaitResult.SetAside, result);
        Assert.Equal(499, await harness.View.CountAsync(Counts, Token));
        var parked = await harness.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token);
        Assert.Equal(("k250", "number", 3, false), (parked.Key, parked.Type, parked.Attempts, parked.StandsBehind));
        Assert.Contains("negative", parked.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_callers_failing_event_in_the_same_message_is_not_mine()
    {
        await using var harness = await Some.HarnessAsync(Count);
        var (message, body) = (NewId.NextGuid(), Line("number", "1", "mine") + "\n" + Line("number", "-1", "theirs"));

        await harness.PutAsync(body, message);

        Assert.Equal(WaitResult.Applied, await harness.View.WaitForAsync(new Receipt([new ReceiptSpan("brook/0", message, 0, 0)]), cancellationToken: Token));
        Assert.Equal(WaitResult.SetAside, await harness.View.WaitForAsync(new Receipt([new ReceiptSpan("brook/0", message, 1, 1)]), cancellationToken: Token));
    }

    [Theory]
    [InlineData("not json at all", "is an invalid", null)]
    [InlineData("[1,2]", "it is not a JSON object", null)]
    [InlineData("null", "it is not a JSON object", null)]
    [InlineData("""{"type":"number"}""", "it has no \"data\"", null)]
    [InlineData("""{"data":1}""", "it has no \"type\"", null)]
    [InlineData("""{"type":"number","key":"k","data":"two"}""", "The data of a 'number' event is not a Int32", "k")]
    [InlineData("""{"type":"number","key":"k","data":1""", "The event cannot be read", "k")]
    public async Task A_malformed_line_is_set_aside_as_it_came_and_the_others_of_its_message_are_applied(string line, string reason, string? key)
    {
        await using var harness = await Some.HarnessAsync(Count);

        await harness.PutAsync(Line("number", "1", "before") + "\n" + line + "\n" + Line("number", "1", "after"));
        await harness.WhenIdleAsync(Token);

        Assert.Equal(2, await harness.View.CountAsync(Counts, Token));
        var parked = await harness.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token);
        Assert.Contains(reason, parked.Error, StringComparison.Ordinal);
        Assert.Equal((key, line), (parked.Key, Encoding.UTF8.GetString(parked.Event.Span)));
    }

    [Fact]
    public async Task A_foreign_line_with_fields_behind_the_data_and_windows_line_ends_is_read()
    {
        await using var harness = await Some.HarnessAsync(Count);

        await harness.PutAsync("""{"id":"0196f000-0000-7000-8000-000000000001","type":"number","author":"x","create_ts":1,"key":"a","data":7,"more":true}""" + "\r\n\r\n" + """{ "type" : "number", "data" : 1, "key" : "a" }""");
        await harness.WhenIdleAsync(Token);

        Assert.Equal(8, await harness.View.GetAsync(Counts, "a", Token));
    }

    [Theory]
    [InlineData(null, "application/json", "It has no Brook-Version header, so Brook did not send it (content type application/json).")]
    [InlineData("2", "application/x-ndjson", "Its Brook-Version is '2'; this version of Brook reads '1'.")]
    public async Task A_message_that_cannot_be_read_at_all_goes_to_the_instances_error_queue_with_the_reason(string? version, string contentType, string reason)
    {
        await using var harness = await Some.HarnessAsync(Count);
        await harness.PutAsync("whatever it is", version: version, contentType: contentType);
        await harness.WhenIdleAsync(Token);

        var moved = await (await harness.ErrorsAsync()).ReadAsync(Token).AsTask().WithDeadline();         // it waited there

        Assert.Equal("whatever it is", Encoding.UTF8.GetString(moved.Body));
        Assert.StartsWith(reason, moved.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_sent_for_another_number_of_partitions_stops_the_lane_and_says_what_to_do()
    {
        var logs = new FakeLogCollector();
        var harness = await Some.HarnessAsync(brook =>
        {
            Count(brook);
            brook.Services.Configure<MassTransitHostOptions>(options => options.StopTimeout = TimeSpan.FromMilliseconds(500));
        }, services: services => services.AddLogging(logging => logging.AddProvider(new FakeLoggerProvider(logs))));
        await harness.PutAsync(Line("number", "1", "a"), partitions: 4);

        await Waiting.UntilAsync(() => logs.GetSnapshot().Any(record => record.Level == LogLevel.Error));
        Assert.Contains("stream 'brook' was sent for 4 partitions, and this instance reads 1, so order per key cannot be kept. Give every service of the stream the same number with brook.Stream(\"brook\", partitions: 4)", logs.LatestRecord.Message, StringComparison.Ordinal);
        Assert.Null(await harness.View.GetAsync<int?>("counts", "a", Token));
        await harness.DisposeAsync();

        var left = Assert.Single(logs.GetSnapshot(), record => record.Id.Name == "LeftBehind");
        Assert.Contains("1 event(s) of stream 'brook' not handled", left.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_of_sending_that_is_none_does_not_lose_the_message()
    {
        await using var harness = await Some.HarnessAsync(Count);
        var endpoint = await harness.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri("exchange:brook.brook?type=Direct"));

        await endpoint.Send(new StreamMessage(Encoding.UTF8.GetBytes(Line("number", "4", "a"))), Pipe.Execute<SendContext<StreamMessage>>(context =>
        {
            context.Serializer = StreamSerializer.Instance;
            context.SetRoutingKey("0");
            context.Headers.Set("Brook-Version", "1");
            context.Headers.Set("Brook-Partitions", "1");
            context.Headers.Set("Brook-Sent-At", "9223372036854775807");
        }), Token);
        await harness.SendAsync("number", 1, "a", Token);

        Assert.Equal(5, await harness.View.GetAsync(Counts, "a", Token));
    }

    [Fact]
    public async Task An_event_sent_again_that_is_set_aside_is_answered_so()
    {
        await using var harness = await Some.HarnessAsync(Count);
        var e = new BrookEvent<int>("number", -1) { Id = Guid.NewGuid(), Key = "a" };

        Assert.Equal(WaitResult.SetAside, await harness.SendAsync([e], Token));
        Assert.Equal(WaitResult.SetAside, await harness.SendAsync([e], Token));

        Assert.Equal(1, await harness.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task A_receipt_of_more_messages_than_are_remembered_is_answered()
    {
        await using var harness = await Some.HarnessAsync(brook =>
        {
            Count(brook);
            brook.Options.RememberedMessages = 3;
        });

        var receipt = await harness.Brook.SendManyAsync(Enumerable.Range(0, 20_000).Select(i => new BrookEvent<int>("number", i == 5 ? -1 : 1) { Key = $"{i % 1000}" }), Token);

        Assert.True(receipt.Spans.Count > 20);
        Assert.Equal(WaitResult.SetAside, await harness.View.WaitForAsync(receipt, cancellationToken: Token));
    }

    [Fact]
    public async Task An_empty_message_is_acknowledged()
    {
        await using var harness = await Some.HarnessAsync(Count);
        await harness.PutAsync("\n  \n");
        Assert.Equal(WaitResult.Applied, await harness.SendAsync("number", 1, "a", Token));
    }

    [Fact]
    public async Task Unknown_types_are_ignored_and_warned_of_once()
    {
        var logs = new FakeLogCollector();
        await using var harness = await Some.HarnessAsync(Count, services: services => services.AddLogging(logging => logging.AddProvider(new FakeLoggerProvider(logs))));

        for (var i = 0; i < 3; i++) Assert.Equal(WaitResult.Applied, await harness.SendAsync("nobody:knows", i, "a", Token));

        var warning = Assert.Single(logs.GetSnapshot(), record => record.Id.Name == "UnknownType");
        Assert.Contains("events of type 'nobody:knows' come, but nobody maps that type (policy Ignore)", warning.Message, StringComparison.Ordinal);
        Assert.Equal(0, await harness.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task A_message_larger_than_a_batch_is_committed_in_parts_and_known_as_a_whole()
    {
        await using var harness = await Some.HarnessAsync(brook =>
        {
            Count(brook);
            brook.Options.BatchEvents = 10;
        });
        var (id, body) = (NewId.NextGuid(), string.Join('\n', Enumerable.Range(0, 95).Select(i => Line("number", "1", $"k{i % 7}"))));

        await harness.PutAsync(body, id);
        await harness.PutAsync(body, id);
        await harness.WhenIdleAsync(Token);

        Assert.Equal(95, (await harness.View.GetAllAsync(Counts, cancellationToken: Token).ToListAsync(Token)).Sum(entry => entry.Value));
    }

    [Fact]
    public async Task Events_that_handlers_send_leave_after_the_commit_and_come_back_as_events()
    {
        ViewCollection<string> mails = "mails";
        await using var harness = await Some.HarnessAsync(brook => brook
            .On<OrderPlaced>("order:placed", e => [Create(OrderHandler.Orders, e.Data.Id, new Order(e.Data.Id, e.Data.Total, "placed")), Send("mail:due", e.Data.Id, key: e.Key)])
            .On<string>("mail:due", e => Create(mails, e.Data, e.Headers[BrookEvent.CausationHeader])));

        await harness.SendAsync([new BrookEvent<OrderPlaced>("order:placed", new("1", 1)) { Key = "1", Headers = new Dictionary<string, string> { [BrookEvent.CorrelationHeader] = "c" } }], Token);
        await harness.WhenIdleAsync(Token);

        var placed = Assert.Single(await harness.View.GetEventsAsync(OrderHandler.Orders, "1", cancellationToken: Token));
        Assert.Equal(placed.Id.ToString(), await harness.View.GetAsync(mails, "1", Token));
        Assert.Equal(["order:placed", "mail:due"], harness.Sent.Select(sent => sent.Type));
        Assert.Equal("c", harness.Sent[1].Headers[BrookEvent.CorrelationHeader]);
    }
}
