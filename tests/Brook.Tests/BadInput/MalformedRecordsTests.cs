using System.Text;
using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.BadInput;

/// <summary>Whatever comes, the lane goes on: a malformed event is set aside with the reason, and the other events of its message are applied.</summary>
[Trait("brook", "better")]
public sealed class MalformedRecordsTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    public static TheoryData<string, string, string> Records => new()
    {
        { "not JSON", "hello", "cannot be read" },
        { "empty", "", "cannot be read" },
        { "truncated", """{"type":"add","data":""", "cannot be read" },
        { "truncated, as our own sender writes", TestLane.Event("add", 12345)[..^1], "cannot be read" },
        { "an array", "[]", "not a JSON object" },
        { "null", "null", "not a JSON object" },
        { "a number", "123", "not a JSON object" },
        { "a string", "\"x\"", "not a JSON object" },
        { "no type", """{"data":1}""", "no \"type\"" },
        { "empty type", """{"type":" ","data":1}""", "no \"type\"" },
        { "null type", """{"type":null,"data":1}""", "no \"type\"" },
        { "no data", """{"type":"add"}""", "no \"data\"" },
        { "type is a number", """{"type":1,"data":1}""", "\"type\" is a Number" },
        { "author is an object", """{"type":"add","author":{},"data":1}""", "\"author\" is a StartObject" },
        { "create_ts is text", """{"type":"add","create_ts":"now","data":1}""", "create_ts" },
        { "create_ts is out of range", """{"type":"add","create_ts":99999999999999999,"data":1}""", "create_ts" },
        { "create_ts is a fraction", """{"type":"add","create_ts":1.5,"data":1}""", "create_ts" },
        { "id is no UUID", """{"id":"1","type":"add","data":1}""", "\"id\" is not a UUID" },
        { "key is a number", """{"type":"add","key":7,"data":1}""", "\"key\" is a Number" },
        { "headers is a list", """{"type":"add","headers":[],"data":1}""", "\"headers\" is not an object" },
        { "a header is a number", """{"type":"add","headers":{"a":1},"data":1}""", "headers.a" },
        { "empty key", """{"type":"add","key":"","data":1}""", "key is empty" },
        { "huge key", $$"""{"type":"add","key":"{{new string('k', 2000)}}","data":1}""", "limit is 1,024" },
        { "huge key, as our own sender writes", TestLane.Event("add", 1, new string('k', 1500)), "limit is 1,024" },
        { "a lone surrogate in the key", """{"type":"add","key":"\ud800","data":1}""", "cannot be read" },
        { "a lone surrogate in the type", """{"type":"\udc00","data":1}""", "cannot be read" },
        { "a lone surrogate in a name", """{"\ud800":1,"type":"text","data":1}""", "" },
        { "a lone surrogate in the data", """{"type":"text","data":"\ud800"}""", "" },
        { "a byte order mark", "\ufeff" + """{"type":"add","data":1}""", "cannot be read" },
        { "trailing garbage", """{"type":"add","data":1} x""", "cannot be read" },
        { "trailing garbage, as our own sender writes", TestLane.Event("add", 1) + "}", "is not a Int32" },
        { "two objects", """{"type":"add","data":1}{"type":"add","data":1}""", "cannot be read" },
        { "deep nesting", """{"type":"json","data":""" + new string('[', 200) + new string(']', 200) + "}", "depth" },
        { "deep nesting in an unknown field", """{"type":"add","x":""" + new string('[', 2000) + new string(']', 2000) + ""","data":1}""", "depth" },
        { "data of another shape", """{"type":"add","data":{"a":1}}""", "is not a Int32" },
        { "data of another shape, as our own sender writes", TestLane.Event("add", "text"), "is not a Int32" },
        { "null data for a number", """{"type":"add","data":null}""", "is not a Int32" },
        { "NaN", """{"type":"add","data":NaN}""", "cannot be read" },
        { "a number too large", """{"type":"add","data":1e400}""", "is not a Int32" },
    };

    [Theory]
    [MemberData(nameof(Records))]
    public async Task It_is_set_aside_with_the_reason_and_the_other_events_of_the_message_are_applied(string what, string record, string reason)
    {
        await using var lane = await OpenAsync();
        var events = TestLane.Message("test/0", Guid.CreateVersion7(), TestLane.Event("add", 1), record, TestLane.Event("add", 2));

        var result = await lane.Lane.ProcessAsync(events, TestContext.Current.CancellationToken);

        Assert.True(new BatchResult(BatchOutcome.Committed, 2, 0, 0, 1) == result, $"{what}: {result}");
        Assert.Equal("3", await lane.StoredAsync("sums", "a"));
        var row = Assert.Single(await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Contains(reason, row.Error, StringComparison.Ordinal);
        Assert.Equal((1, record), ((int)row.Position.Offset, Encoding.UTF8.GetString(row.Event.Span)));
    }

    [Fact]
    public async Task Unreadable_events_keep_later_ones_of_their_key_behind_when_the_key_can_be_read()
    {
        await using var lane = await OpenAsync();
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 2), await lane.ProcessAsync("""{"type":"add","key":"k","data":"x"}""", TestLane.Event("add", 1, "k"), TestLane.Event("add", 2, "other")));
    }

    [Fact]
    public async Task Null_data_of_a_type_that_may_be_null_reaches_the_handler()
    {
        await using var lane = await OpenAsync();
        Assert.Equal(1, (await lane.ProcessAsync("""{"type":"text","data":null}""")).Applied);
        Assert.Equal("-1", await lane.StoredAsync("sums", "length"));
    }

    private static Task<TestLane> OpenAsync() => TestLane.OpenAsync(brook => brook
        .On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data))
        .On<string?>("text", e => Create(Sums, "length", e.Data?.Length ?? -1))
        .On<System.Text.Json.JsonElement>("json", e => Discard), LaneGuard.MessageIds);
}
