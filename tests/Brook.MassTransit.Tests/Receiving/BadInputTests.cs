using System.Text;
using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Change;
using static Brook.MassTransit.Tests.Support.StreamMessages;

namespace Brook.MassTransit.Tests.Receiving;

/// <summary>Whatever a message is: it goes to the one error queue whole and with the reason, or each of its events is applied or set aside, and the lane goes on.</summary>
public sealed class BadInputTests
{
    private const string Queue = "brook.order-submitted";
    private static readonly ViewCollection<int> Counts = "counts";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static void Count(BrookBuilder brook)
    {
        brook.Options.MaxEventBytes = 100_000;
        brook.Options.MaxReceivedBytes = 300_000;
        brook.On<int>("number", e => Merge(Counts, e.Key!, n => n + e.Data));
    }

    private static void Submit(BrookBuilder brook)
    {
        brook.Options.MaxEventBytes = 100_000;
        brook.Options.MaxReceivedBytes = 300_000;
        brook.Consume<OrderSubmitted>(key: message => message.OrderId).On<OrderSubmitted>("order:submitted", e => Merge(Counts, e.Data.OrderId, n => n + e.Data.Quantity));
    }

    [Theory]
    [InlineData("a body larger than is received", "It is over a limit: it has 300,001 bytes, and 300,000 are taken (MaxReceivedBytes).")]
    [InlineData("more than 10,000 events", "It has more than 10,000 events, so Brook did not send it.")]
    [InlineData("a hundred thousand events of two bytes", "It has more than 10,000 events, so Brook did not send it.")]
    [InlineData("a version that is a megabyte", "Its Brook-Version is '111111")]
    [InlineData("a version with a line break", "Its Brook-Version is '1?2'; this version of Brook reads '1'.")]
    [InlineData("a number of partitions that is none", "Its Brook-Partitions is no number, so it cannot be told whether this lane is its place.")]
    [InlineData("no number of partitions", "Its Brook-Partitions is no number, so it cannot be told whether this lane is its place.")]
    public async Task A_message_that_no_lane_takes_goes_to_the_error_queue_as_it_came_and_the_lane_goes_on(string what, string reason)
    {
        await using var harness = await Some.HarnessAsync(Count);
        var body = what switch
        {
            "a body larger than is received" => new string('x', 300_001),
            "more than 10,000 events" => string.Join('\n', Enumerable.Repeat("{}", 10_001)),
            "a hundred thousand events of two bytes" => string.Join('\n', Enumerable.Repeat("{}", 100_000)),
            _ => Line("number", "1", "a"),
        };
        await harness.PutAsync(body, headers: headers =>
        {
            if (what == "a version that is a megabyte") headers.Set("Brook-Version", new string('1', 1_000_000));
            if (what == "a version with a line break") headers.Set("Brook-Version", "1\n2");
            if (what == "a number of partitions that is none") headers.Set("Brook-Partitions", "many");
            if (what == "no number of partitions") headers.Set("Brook-Partitions", null);
        });
        await harness.PutAsync(Line("number", "7", "next"));
        await harness.WhenIdleAsync(Token);

        Assert.Equal((7, 0), (await harness.View.GetAsync(Counts, "next", Token), await harness.View.GetAsync(Counts, "a", Token)));
        Assert.Equal(0, await harness.Parked.CountAsync(Token));
        var moved = await (await harness.ErrorsAsync()).ReadAsync(Token).AsTask().WithDeadline();
        Assert.StartsWith(reason, moved.Reason, StringComparison.Ordinal);
        Assert.InRange(moved.Reason.Length, 1, 500);
        Assert.Equal(body, Encoding.UTF8.GetString(moved.Body));
    }

    [Theory]
    [InlineData("10,000 events")]
    [InlineData("blank lines, however many")]
    [InlineData("a number of events that is a lie")]
    [InlineData("a time of sending that is none")]
    [InlineData("another stream's name")]
    [InlineData("a content type nobody knows")]
    public async Task A_message_that_is_odd_is_taken_where_nothing_is_lost_by_it(string what)
    {
        await using var harness = await Some.HarnessAsync(Count);
        var body = what switch
        {
            "10,000 events" => string.Join('\n', Enumerable.Repeat("""{"type":"x","data":1}""", 9999)) + "\n" + Line("number", "1", "a"),
            "blank lines, however many" => new string('\n', 100_000) + Line("number", "1", "a") + new string('\n', 100_000),
            _ => Line("number", "1", "a"),
        };
        await harness.PutAsync(body, contentType: what == "a content type nobody knows" ? "image/png" : "application/x-ndjson", headers: headers =>
        {
            if (what == "a number of events that is a lie") headers.Set("Brook-Count", "2");
            if (what == "a time of sending that is none") headers.Set("Brook-Sent-At", "now");
            if (what == "another stream's name") headers.Set("Brook-Stream", "other");
        });

        await Waiting.UntilAsync(async () => await harness.View.CountAsync(Counts, Token) == 1);
        Assert.Equal((1, 0L), (await harness.View.GetAsync(Counts, "a", Token), await harness.Parked.CountAsync(Token)));
    }

    [Fact]
    public async Task A_line_break_inside_of_an_event_makes_two_that_cannot_be_read()
    {
        await using var harness = await Some.HarnessAsync(Count);

        await harness.PutAsync(Line("number", "1", "before") + "\n" + Line("number", "1", "a\nb") + "\n" + Line("number", "1", "after"));
        await harness.WhenIdleAsync(Token);

        Assert.Equal((2, 2), (await harness.View.CountAsync(Counts, Token), await harness.Parked.CountAsync(Token)));
    }

    [Theory]
    [InlineData("a body larger than is received", "It is over a limit: it has 300,001 bytes, and 300,000 are taken (MaxReceivedBytes).")]
    [InlineData("an empty body", "SerializationException")]
    [InlineData("no JSON", "SerializationException")]
    [InlineData("an envelope of another type", "It is none of the messages that this endpoint takes")]
    [InlineData("a message 100,000 deep", "SerializationException")]
    [InlineData("an envelope 100,000 deep", "SerializationException")]
    [InlineData("a type name that is a .NET type's", "It is none of the messages that this endpoint takes")]
    public async Task An_ordinary_message_that_nobody_can_read_goes_to_the_error_queue_and_the_endpoint_goes_on(string what, string reason)
    {
        await using var harness = await Some.HarnessAsync(Submit);
        const string Types = """["urn:message:Brook.MassTransit.Tests.Support:OrderSubmitted"]""";
        var body = what switch
        {
            "a body larger than is received" => new string('x', 300_001),
            "an empty body" => "",
            "no JSON" => "hello",
            "an envelope of another type" => """{"messageType":["urn:message:Other:Thing"],"message":{}}""",
            "a message 100,000 deep" => "{\"messageType\":" + Types + ",\"message\":{\"orderId\":\"a\",\"quantity\":1,\"x\":" + new string('[', 100_000) + new string(']', 100_000) + "}}",
            "an envelope 100,000 deep" => new string('[', 100_000),
            _ => """{"messageType":["urn:message:System.Diagnostics:Process","System.Diagnostics.Process, System.Diagnostics.Process"],"message":{"$type":"System.Diagnostics.Process, System"}}""",
        };

        await harness.PutOrdinaryAsync(Encoding.UTF8.GetBytes(body), Queue);
        await harness.PutOrdinaryAsync(Encoding.UTF8.GetBytes($$$"""{"messageType":{{{Types}}},"message":{"orderId":"next","quantity":7}}"""), Queue);

        var moved = await (await harness.ErrorsAsync()).ReadAsync(Token).AsTask().WithDeadline();
        Assert.StartsWith(reason, moved.Reason, StringComparison.Ordinal);
        Assert.InRange(moved.Reason.Length, 1, 4200);
        Assert.DoesNotContain(moved.Reason, char.IsControl);
        Assert.Equal(body, Encoding.UTF8.GetString(moved.Body));
        await Waiting.UntilAsync(async () => await harness.View.GetAsync(Counts, "next", Token) == 7);
        Assert.Equal(0, await harness.Parked.CountAsync(Token));
    }

    [Theory]
    [InlineData("headers over the limit", "The event is over a limit: its headers have")]
    [InlineData("a key function that gives a key that cannot be one", "The key function of event type 'order:submitted' gave a key that cannot be one")]
    public async Task An_ordinary_message_that_is_set_aside_is_kept_with_its_data(string what, string reason)
    {
        await using var harness = await Some.HarnessAsync(Submit);

        await harness.Services.GetRequiredService<IBus>().Publish(new OrderSubmitted(what.StartsWith('h') ? "42" : new string('k', 2000), 3), context =>
        {
            if (what.StartsWith('h')) context.Headers.Set("note", new string('x', 70_000));
        }, Token);

        await Waiting.UntilAsync(async () => await harness.Parked.CountAsync(Token) == 1);
        var parked = await harness.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token);
        Assert.StartsWith(reason, parked.Error, StringComparison.Ordinal);
        Assert.Contains("\"quantity\":3", Encoding.UTF8.GetString(parked.Event.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_headers_than_a_broker_takes_beside_the_reason_are_left_out_and_the_reason_says_so()
    {
        await using var harness = await Some.HarnessAsync(Count);

        await harness.PutAsync("whatever", version: "2", headers: headers =>
        {
            headers.Set("small", "kept");
            headers.Set("large", new string('x', 100_000));
        });

        var moved = await (await harness.ErrorsAsync()).ReadAsync(Token).AsTask().WithDeadline();
        Assert.Contains("1 of its headers had no room beside that and were left out.", moved.Reason, StringComparison.Ordinal);
        Assert.Contains(moved.Headers, header => header.Key == "small");
        Assert.DoesNotContain(moved.Headers, header => header.Key == "large");
    }

    [Fact]
    public async Task What_is_logged_of_a_message_that_cannot_be_read_is_one_line()
    {
        var logs = new FakeLogCollector();
        await using var harness = await Some.HarnessAsync(Count, services: services => services.AddLogging(logging => logging.AddProvider(new FakeLoggerProvider(logs))));

        await harness.PutAsync("x", version: "2\nfail: Brook[0] all is lost\u001b[2J");
        await harness.WhenIdleAsync(Token);

        var said = Assert.Single(logs.GetSnapshot(), log => log.Id.Name == "Undecodable");
        Assert.DoesNotContain(said.Message, char.IsControl);
    }
}
