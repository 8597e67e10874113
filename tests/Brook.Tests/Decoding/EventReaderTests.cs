using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Brook.Lanes;

namespace Brook.Tests.Decoding;

public sealed class EventReaderTests
{
    private const string Id = "01890a5d-ac96-774b-bcce-b302099a8057";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_is_written_is_read_back_by_both_ways_alike(int seed)
    {
        var (some, own) = (new SomeEvents(seed), 0);
        for (var i = 0; i < 3000; i++)
        {
            var e = some.Next();
            var record = some.Record(e);
            Assert.True(record.AsSpan().IndexOfAny((byte)'\n', (byte)'\r') < 0, "an event is one line");

            var read = EventReader.ReadAny(record, default, default);
            Assert.Null(read.Error);
            Assert.Equal((e.Id, e.HasCallersId, e.Type, e.Author, e.Key, e.CreatedAt), (read.Id, read.HasCallersId, read.Type, read.Author, read.Key, read.CreatedAt));
            Assert.Equal(e.Headers, read.Headers ?? BrookEvent.NoHeaders);
            Assert.True(JsonNode.DeepEquals((JsonNode?)e.Data, JsonNode.Parse(read.Data.Span)), "the data is the same");
            if (!EventReader.TryReadOwn(record, default, default, out var fast)) continue;
            own++;
            AssertSame(read, fast);
        }
        Assert.InRange(own, 500, 2500);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_happened_to_the_bytes_nothing_throws_and_the_fast_way_accepts_only_what_the_other_reads_alike(int seed)
    {
        var (some, own) = (new SomeEvents(seed), 0);
        for (var i = 0; i < 20_000; i++)
        {
            var record = some.Mutated(i % 2 == 0 ? some.Record(some.Next()) : Encoding.UTF8.GetBytes(Event("\"type\":\"t\",\"author\":\"a\",\"create_ts\":5,\"key\":\"k\",\"data\":{\"a\":[1]}")));
            var read = EventReader.ReadAny(record, default, default);
            if (!EventReader.TryReadOwn(record, default, default, out var fast) || !IsJson(fast.Data.Span)) continue;
            own++;
            Assert.True(read.Error is null, $"{read.Error} {Encoding.UTF8.GetString(record)}");
            AssertSame(read, fast);
        }
        Assert.InRange(own, 100, 20_000);
    }

    [Theory]
    [InlineData("\"type\":\"t\",\"author\":\"a\",\"create_ts\":1591619696123,\"key\":\"k\",\"data\":{\"a\":1}", true)]
    [InlineData("\"type\":\"t\",\"author\":\"\",\"create_ts\":0,\"data\":null", true)]
    [InlineData("\"type\":\"t\",\"author\":\"é\",\"create_ts\":0,\"data\":null", false)]
    [InlineData("\"type\":\"t\",\"author\":\"a\",\"create_ts\":0,\"headers\":{\"h\":\"1\"},\"data\":null", true)]
    [InlineData("\"type\":\"t\",\"author\":\"a\",\"create_ts\":0,\"headers\":{\"h\":\"a\\n\"},\"data\":null", false)]
    [InlineData("\"type\":\"t\",\"author\":\"a\",\"create_ts\":-1,\"data\":null", false)]
    [InlineData("\"type\":\"t\\u0041\",\"author\":\"a\",\"create_ts\":0,\"data\":null", false)]
    [InlineData("\"author\":\"a\",\"type\":\"t\",\"create_ts\":0,\"data\":null", false)]
    public void Own_bytes_take_the_fast_way_others_are_read_all_the_same(string fields, bool fast)
    {
        var record = Encoding.UTF8.GetBytes(Event(fields));

        Assert.Equal(fast, EventReader.TryReadOwn(record, default, default, out var own));
        Assert.Null(EventReader.ReadAny(record, default, default).Error);
        if (fast) AssertSame(EventReader.ReadAny(record, default, default), own);
    }

    [Theory]
    [InlineData("\"type\":\" \",\"author\":\"a\",\"create_ts\":5,\"data\":1")]             // no type
    [InlineData("\"type\":\"t\",\"author\":\"a\",\"create_ts\":007,\"data\":1")]           // no JSON number
    [InlineData("\"type\":\"t\",\"author\":\"a\",\"create_ts\":+7,\"data\":1")]
    [InlineData("\"type\":\"t\",\"author\":\"a\",\"create_ts\":5,\"key\":\"\",\"data\":1")]
    public void The_fast_way_leaves_alone_what_cannot_be_read(string fields)
    {
        var record = Encoding.UTF8.GetBytes(Event(fields));

        Assert.False(EventReader.TryReadOwn(record, default, default, out _));
        Assert.NotNull(EventEnvelope.Read(record, default, default).Error);
    }

    [Fact]
    public void An_empty_id_is_none_that_a_caller_set()
    {
        var record = Encoding.UTF8.GetBytes($$"""{"id":"{{Guid.Empty}}","type":"t","author":"a","create_ts":5,"data":1}""");

        Assert.False(EventReader.ReadAny(record, default, default).HasCallersId);
        Assert.False(EventEnvelope.Read(record, default, default).HasCallersId);
    }

    [Theory]
    [InlineData("", "The event cannot be read: ")]
    [InlineData("[]", "The event cannot be read: it is not a JSON object. It is kept as it came.")]
    [InlineData("{\"type\":\"t\"}", "The event cannot be read: it has no \"data\". It is kept as it came.")]
    [InlineData("{\"data\":1}", "The event cannot be read: it has no \"type\". It is kept as it came.")]
    [InlineData("{\"type\":null,\"data\":1}", "The event cannot be read: it has no \"type\". It is kept as it came.")]
    [InlineData("{\"type\":1,\"data\":1}", "The event cannot be read: \"type\" is a Number, not a string. It is kept as it came.")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"id\":\"7\"}", "The event cannot be read: \"id\" is not a UUID of the form 8-4-4-4-12. It is kept as it came.")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"create_ts\":\"now\"}", "The event cannot be read: \"create_ts\" is not a time in Unix milliseconds. It is kept as it came.")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"create_ts\":1e300}", "The event cannot be read: \"create_ts\" is not a time in Unix milliseconds. It is kept as it came.")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"headers\":[]}", "The event cannot be read: \"headers\" is not an object. It is kept as it came.")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"headers\":{\"h\":1}}", "The event cannot be read: \"headers.h\" is a Number, not a string. It is kept as it came.")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"key\":\"\"}", "The event cannot be read: The key is empty.")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"key\":\"\\ud800\"}", "The event cannot be read: ")]
    [InlineData("{\"type\":\"t\",\"data\":1} x", "The event cannot be read: ")]
    [InlineData("{\"type\":\"t\",\"data\":{", "The event cannot be read: ")]
    public void What_cannot_be_read_says_why_and_is_kept(string record, string error)
    {
        var read = EventEnvelope.Read(Encoding.UTF8.GetBytes(record), new EventPosition("lane/0", 7), default);

        Assert.StartsWith(error, read.Error, StringComparison.Ordinal);
        Assert.Equal(record, Encoding.UTF8.GetString(read.Record.Span));
        Assert.Equal(7, read.Position.Offset);
        Assert.NotNull(read.Type);
    }

    [Fact]
    public void A_foreign_senders_json_is_read_whatever_the_order_and_what_else_is_in_it()
    {
        var read = EventEnvelope.Read(Encoding.UTF8.GetBytes($$""" { "data" : {"b": [1, 2]} , "extra": {"x": [1]}, "key": "kéy", "type":"t", "headers": {"a": null}, "author": null, "id": "{{Id}}" } """), default, default);

        Assert.Null(read.Error);
        Assert.Equal(("t", "kéy", null, Guid.Parse(Id), true, default), (read.Type, read.Key, read.Author, read.Id, read.HasCallersId, read.CreatedAt));
        Assert.Equal("{\"b\": [1, 2]}", Encoding.UTF8.GetString(read.Data.Span));
        Assert.Equal("", read.Headers!["a"]);
    }

    private static string Event(string fields) => $"{{\"auto_id\":\"{Id}\",{fields}}}";

    private static void AssertSame(in EventEnvelope expected, in EventEnvelope actual)
    {
        Assert.Equal((expected.Id, expected.HasCallersId, expected.Type, expected.Author, expected.Key, expected.CreatedAt), (actual.Id, actual.HasCallersId, actual.Type, actual.Author, actual.Key, actual.CreatedAt));
        Assert.Equal(expected.Headers ?? BrookEvent.NoHeaders, actual.Headers ?? BrookEvent.NoHeaders);
        Assert.Equal(expected.Data.Span, actual.Data.Span.Trim(" \t\n\r"u8));
    }

    private static bool IsJson(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read()) { }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
