using System.Text;
using System.Text.Json;
using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.BadInput;

/// <summary>What is over a limit is set aside whole, with the limit in its reason; what is at the limit is taken. The other events of its message are applied.</summary>
public sealed class LimitsTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Larger than what any row but those of size has.</summary>
    private const int MaxBytes = 4 * 1024 * 1024;

    public static TheoryData<string, string> Over => new()
    {
        { "a type of 1,025 bytes", "its type, 'tttt" },
        { "a type of 10,000 characters", "its type, 'tttt" },
        { "a type of 342 characters of three bytes", "has more than 1,024 bytes of UTF-8" },
        { "an author of 1 MB", "its author, 'aaaa" },
        { "129 headers", "it has 129 headers; the limit is 128" },
        { "a hundred thousand headers", "it has 100,000 headers; the limit is 128" },
        { "a header of 1 MB", "its headers have 1,048,577 characters; the limit is 65,536" },
        { "a header name of 2,000 bytes", "the name of a header, 'nnnn" },
        { "an event of more bytes than are received", "it has 4,194,305 bytes, and 4,194,304 are taken (MaxReceivedBytes)" },
        { "a key of 1,025 bytes", "limit is 1,024" },
        { "a key of a hundred thousand bytes", "limit is 1,024" },
        { "data 65 deep", "depth" },
        { "data 1,000 deep", "depth" },
        { "data 100,000 deep", "depth" },
        { "lists in lists, read as lists of lists", "depth" },
        { "objects in objects, read as objects of objects", "depth" },
        { "a field nobody knows, 100,000 deep", "depth" },
    };

    public static TheoryData<string> At => ["a type of 1,024 bytes", "an author of 1,024 bytes", "128 headers", "headers of 65,536 characters", "an event of as many bytes as are received", "a key of 1,024 bytes", "data 64 deep", "a field nobody knows, 1,000 deep", "ten thousand fields nobody knows"];

    [Theory]
    [MemberData(nameof(Over))]
    public async Task What_is_over_a_limit_is_set_aside_whole_and_says_which(string what, string reason)
    {
        await using var lane = await OpenAsync();
        var record = Record(what);

        var result = await lane.Lane.ProcessAsync(Received(lane, TestLane.Event("add", 1), record, TestLane.Event("add", 2)), Token);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 2, 0, 0, 1), result);
        Assert.Equal("3", await lane.StoredAsync("sums", "a"));
        var row = await lane.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token);
        Assert.Contains(reason, row.Error, StringComparison.Ordinal);
        Assert.InRange(row.Error.Length + row.Type.Length, 1, Names.MaxReason + 200);
        Assert.Equal(record, Encoding.UTF8.GetString(row.Event.Span));
    }

    [Theory]
    [MemberData(nameof(At))]
    public async Task What_is_at_its_limit_is_taken(string what)
    {
        await using var lane = await OpenAsync();

        var result = await lane.Lane.ProcessAsync(Received(lane, TestLane.Event("add", 1), Record(what)), Token);

        Assert.Equal(0, result.SetAside);
        Assert.Equal(0, await lane.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task An_event_that_is_too_large_is_not_looked_into()
    {
        await using var lane = await OpenAsync();
        var record = TestLane.Event("json", new string('x', MaxBytes), "k");

        var envelope = Received(lane, record)[0];
        Assert.Equal(("", null, default, true), (envelope.Type, envelope.Key, envelope.Id, envelope.Data.IsEmpty));

        Assert.Equal(1, (await lane.Lane.ProcessAsync(new[] { envelope }, Token)).SetAside);
        Assert.Null((await lane.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token)).Key);
        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("add", 1, "k"))).Applied);       // its key is not known, so nothing waits for it
    }

    [Fact]
    public async Task Ten_megabytes_are_an_event_where_they_are_not_over_the_limit()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("text", e => Create(Sums, "length", e.Data.Length)));

        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("text", new string('x', 10_000_000)))).Applied);
        Assert.Equal("10000000", await lane.StoredAsync("sums", "length"));
    }

    [Fact]
    public void The_limit_of_what_is_received_is_never_below_that_of_what_is_sent()
    {
        Assert.Equal(16 * 1024 * 1024, new BrookOptions().ReceiveLimit);
        Assert.Equal(32 * 1024 * 1024 + 1, new BrookOptions { MaxEventBytes = 32 * 1024 * 1024 }.ReceiveLimit);
    }

    [Theory]
    [InlineData("a type", "its type, 'tttt")]
    [InlineData("an author", "its author, 'aaaa")]
    [InlineData("headers", "it has 129 headers; the limit is 128")]
    public async Task A_sender_is_told_what_a_lane_would_not_take(string what, string reason)
    {
        var transport = new FakeTransport();
        var sender = new EventSender("", new BrookOptions(), e => e.Key, new SystemTextJsonSerializer(JsonSerializerOptions.Web), transport, TimeProvider.System);
        var headers = what == "headers" ? Enumerable.Range(0, 129).ToDictionary(i => $"h{i}", _ => "v") : [];

        var error = await Assert.ThrowsAsync<BrookException>(async () => await sender.SendAsync(new BrookEvent<int>(what == "a type" ? new string('t', 1025) : "add", 1) { Author = what == "an author" ? new string('a', 1025) : "", Headers = headers }, Token));

        Assert.Contains("is over a limit, so it was not sent: " + reason, error.Message, StringComparison.Ordinal);
        Assert.Empty(transport.Sent);
    }

    [Fact]
    public async Task An_event_that_a_handler_sends_is_held_to_the_same_limits()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("add", e => Send(new string('t', 1025), 1)));

        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("add", 1))).SetAside);

        Assert.Contains("to be sent is over a limit: its type", (await lane.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token)).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, true)]
    [InlineData(1000, true)]
    [InlineData(1001, false)]
    public async Task Data_may_be_as_deep_as_the_json_options_say_a_thousand_at_most(int depth, bool taken)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web) { MaxDepth = depth };
        if (!taken)
        {
            var error = await Assert.ThrowsAsync<BrookException>(() => TestLane.OpenAsync(brook => brook.UseJson(options)));
            Assert.StartsWith("MaxDepth of the JSON options is 1,001; it must be 1,000 at most, or data that is nested deeper could end the process.", error.Message, StringComparison.Ordinal);
            return;
        }
        await using var lane = await TestLane.OpenAsync(brook => brook.UseJson(options).On<Nested>("nested", e => Create(Sums, "a", 1)));
        var deepest = Objects(depth);

        foreach (var form in new[] { $$"""{"type":"nested","data":{{deepest}}}""", TestLane.Event("nested", 0)[..^2] + deepest + "}" }) Assert.Equal(1, (await lane.ProcessAsync(form)).Applied);

        Assert.Equal(2, (await lane.View.GetEventsAsync(Sums, "a", cancellationToken: Token)).Count);         // the log reads them as well
    }

    public sealed class Nested
    {
        public Nested? N { get; set; }
    }

    private static string Record(string what) => what switch
    {
        "a type of 1,024 bytes" => TestLane.Event(new string('t', 1024), 1),
        "a type of 1,025 bytes" => TestLane.Event(new string('t', 1025), 1),
        "a type of 10,000 characters" => TestLane.Event(new string('t', 10_000), 1),
        "a type of 342 characters of three bytes" => $$"""{"type":"{{new string('日', 342)}}","data":1}""",
        "an author of 1,024 bytes" => TestLane.Event("add", 1, author: new string('a', 1024)),
        "an author of 1 MB" => TestLane.Event("add", 1, author: new string('a', 1024 * 1024)),
        "128 headers" => WithHeaders(128, 1),
        "129 headers" => WithHeaders(129, 1),
        "a hundred thousand headers" => WithHeaders(100_000, 1),
        "headers of 65,536 characters" => WithHeaders(1, 65_535),
        "a header of 1 MB" => WithHeaders(1, 1024 * 1024),
        "a header name of 2,000 bytes" => """{"type":"add","headers":{"NAME":"v"},"data":1}""".Replace("NAME", new string('n', 2000), StringComparison.Ordinal),
        "an event of as many bytes as are received" => OfBytes(MaxBytes),
        "an event of more bytes than are received" => OfBytes(MaxBytes + 1),
        "a key of 1,024 bytes" => TestLane.Event("add", 1, new string('k', 1024)),
        "a key of 1,025 bytes" => TestLane.Event("add", 1, new string('k', 1025)),
        "a key of a hundred thousand bytes" => TestLane.Event("add", 1, new string('k', 100_000)),
        "data 64 deep" => Data("json", Lists(64)),
        "data 65 deep" => Data("json", Lists(65)),
        "data 1,000 deep" => Data("json", Lists(1000)),
        "data 100,000 deep" => Data("json", Lists(100_000)),
        "lists in lists, read as lists of lists" => Data("lists", Lists(100_000)),
        "objects in objects, read as objects of objects" => Data("nested", Objects(100_000)),
        "a field nobody knows, 1,000 deep" => $$"""{"type":"add","x":{{Lists(1000)}},"data":1}""",
        "a field nobody knows, 100,000 deep" => $$"""{"type":"add","x":{{Lists(100_000)}},"data":1}""",
        "ten thousand fields nobody knows" => $$"""{"type":"add",{{string.Concat(Enumerable.Range(0, 10_000).Select(i => $"\"f{i}\":{{}},"))}}"data":1}""",
        _ => throw new ArgumentException(what, nameof(what)),
    };

    private static string Data(string type, string json) => $$"""{"auto_id":"{{Guid.CreateVersion7()}}","type":"{{type}}","author":"a","create_ts":1,"data":{{json}}}""";

    private static string Lists(int depth) => new string('[', depth) + new string(']', depth);

    private static string Objects(int depth) => string.Concat(Enumerable.Repeat("{\"n\":", depth - 1)) + "{}" + new string('}', depth - 1);

    private static string WithHeaders(int count, int length) => TestLane.Event("add", 1).Replace("\"data\"", $"\"headers\":{{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"{(count == 1 ? "h" : $"h{i}")}\":\"{new string('v', length)}\""))}}},\"data\"", StringComparison.Ordinal);

    private static string OfBytes(int bytes)
    {
        var empty = TestLane.Event("text", "").Length;
        return TestLane.Event("text", new string('x', bytes - empty));
    }

    /// <summary>As a transport reads it.</summary>
    private static EventEnvelope[] Received(TestLane lane, params ReadOnlySpan<string> records)
    {
        var message = Guid.CreateVersion7();
        var events = new EventEnvelope[records.Length];
        for (var i = 0; i < events.Length; i++) events[i] = EventEnvelope.Read(Encoding.UTF8.GetBytes(records[i]), new EventPosition(lane.Lane.Name, i, message), default, lane.Engine.Options.ReceiveLimit);
        return events;
    }

    private static Task<TestLane> OpenAsync() => TestLane.OpenAsync(brook =>
    {
        brook.Options.MaxReceivedBytes = MaxBytes;
        brook.On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<string>("text", e => Discard).On<JsonElement>("json", e => Discard).On<Nested>("nested", e => Discard).On<Listed>("lists", e => Discard);
    }, LaneGuard.MessageIds);

    public sealed class Listed : List<Listed>;
}
