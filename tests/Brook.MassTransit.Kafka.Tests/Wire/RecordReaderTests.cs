using System.Text;
using Brook.Lanes;
using Confluent.Kafka;
using static Brook.MassTransit.Kafka.Tests.Wire.Golden;

namespace Brook.MassTransit.Kafka.Tests.Wire;

public sealed class RecordReaderTests
{
    private const string Id = "0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80";
    private const string Line = $$$"""{"auto_id":"{{{Id}}}","type":"order:placed","author":"orders","create_ts":1764036007000,"key":"42","data":{"id":"42"}}""";
    private static readonly RecordFormat s_messages = new() { TypeOfMessage = urn => urn == "urn:message:Orders:OrderPlaced" ? "order:placed" : null };

    [Fact]
    public void Brooks_own_line_is_taken_as_it_is()
    {
        var value = Encoding.UTF8.GetBytes(Line);
        var e = Read(value, key: "other"u8.ToArray());
        Assert.Equal((Guid.Parse(Id), false, "order:placed", "orders", "42", """{"id":"42"}"""), (e.Id, e.HasCallersId, e.Type, e.Author, e.Key, Text(e.Data)));
        Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(e.Record, out var part));
        Assert.Same(value, part.Array);
    }

    [Fact]
    public void Brooks_own_line_costs_no_more_than_to_read_it_without_a_record()
    {
        var (value, key, headers) = (Encoding.UTF8.GetBytes(Line), "42"u8.ToArray(), Headers(("a", "b")));
        var position = new EventPosition("orders/3", 17);
        long Cost(Action read)
        {
            for (var i = 0; i < 100; i++) read();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++) read();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(Cost(() => EventEnvelope.Read(value, position, Sent)), Cost(() => RecordReader.TryRead(new KafkaRecord(key, value, headers, Sent), RecordFormat.Brook, position, out _)));
    }

    [Theory]
    [InlineData("k", "k")]
    [InlineData("ключ", "ключ")]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void A_line_without_a_key_has_the_records(string? key, string? expected)
    {
        foreach (var line in new[] { Line.Replace(",\"key\":\"42\"", "", StringComparison.Ordinal), """{"data":{"id":"42"},"type":"order:placed"}""" })
        {
            var e = Read(line, key: key);
            Assert.Equal(expected, e.Key);
            Assert.Equal("""{"id":"42"}""", Text(e.Data));
            Assert.Equal(expected, EventEnvelope.Read(e.Record, default, default).Key);         // so that what is set aside and tried again keeps its order
            Assert.Null(Read(line, new() { Elixir = ElixirFormat.BrookSerde }, key).Key);
        }
    }

    [Fact]
    public void A_record_key_that_is_no_text_or_too_long_is_none()
    {
        var line = Encoding.UTF8.GetBytes(Line.Replace(",\"key\":\"42\"", "", StringComparison.Ordinal));
        Assert.Null(Read(line, key: [0xff, 0x00]).Key);
        Assert.Null(Read(line, key: new byte[1025]).Key);
    }

    [Theory]
    [InlineData("""{ "type": "t", "data": {}, "x": 1 }""", "{}")]
    [InlineData("{\"data\":\n[1,\r\n2],\"type\":\"t\"}", "[1,  2]")]
    [InlineData("{\"id\":\"0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80\",\"type\":\"t\",\"author\":\"a\",\"create_ts\":1,\"data\":{\n}}", "{ }")]
    [InlineData("{\"__brook_struct__\":\"Elixir.Brook.Event\",\"author\":\"a\",\"type\":\"t\",\"create_ts\":1,\n\"data\":{\n}}", "{ }")]
    [InlineData("\"{\\\"type\\\":\\\"t\\\",\\\"data\\\":{}}\"", "{}")]
    public void Any_order_is_read_and_its_record_is_one_line(string value, string data)
    {
        var e = Read(value);
        Assert.Null(e.Error);
        Assert.Equal(("t", data), (e.Type, Text(e.Data)));
        Assert.DoesNotContain('\n', Text(e.Record));
        Assert.Equal(data, Text(EventEnvelope.Read(e.Record, default, default).Data));
    }

    [Theory]
    [InlineData("", "its value is empty")]
    [InlineData("   ", "")]
    [InlineData("{", "")]
    [InlineData("{}x", "")]
    [InlineData("[1]", "it is a JSON array, and the topic has no event type of its own")]
    [InlineData("\"secret\"", "it is a JSON string, and")]
    [InlineData("\"{\\\"secret\\\":1}\"", "it is a JSON object without \"type\" and \"data\", and")]
    [InlineData("{\"secret\":1}", "it is a JSON object without \"type\" and \"data\", and")]
    [InlineData("{\"id\":\"0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80\",\"type\":\"t\",\"author\":\"a\",\"create_ts\":1,\"key\":\"42\",\"data\":\"a\nb\"}", "")]
    [InlineData("{\"type\":5,\"data\":1}", "\"type\" is a Number")]
    [InlineData("{\"type\":\"\\ud800\",\"data\":1,\"__brook_struct__\":\"Elixir.Brook.Event\"}", "")]
    [InlineData("{\"type\":null,\"data\":1,\"__brook_struct__\":\"Elixir.Brook.Event\"}", "it has no \"type\"")]
    [InlineData("{\"type\":\" \",\"data\":1,\"__brook_struct__\":\"Elixir.Brook.Event\"}", "it has no \"type\"")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"forwarded\":null,\"__brook_struct__\":\"Elixir.Brook.Event\"}", "its \"forwarded\" is null")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"create_ts\":9e99,\"__brook_struct__\":\"Elixir.Brook.Event\"}", "its \"create_ts\" is no time")]
    [InlineData("{\"type\":\"t\",\"data\":1,\"create_ts\":999999999999999999,\"__brook_struct__\":\"Elixir.Brook.Event\"}", "its \"create_ts\" is not a time")]
    [InlineData("{\"messageType\":[\"urn:message:Orders:Other\"],\"message\":{}}", "it is a message of MassTransit, 'urn:message:Orders:Other', and no event type is known for that")]
    public void What_cannot_be_read_is_an_event_with_a_reason_and_its_bytes(string value, string reason)
    {
        var e = Read(value, s_messages, key: "42");
        Assert.Contains(reason, e.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Error, StringComparison.Ordinal);
        Assert.Equal(value, Text(e.Record));
        Assert.True(e.Key is "42" || value.Contains("\"type\":5", StringComparison.Ordinal));        // its key waits
        Assert.NotNull(e.Type);
    }

    [Fact]
    public void Bytes_at_random_never_throw()
    {
        var random = new Random(1);
        string[] seeds = [Line, """{"type":"t","author":{"__data_type__":"atom","value":"x"},"create_ts":1,"data":{"id":1},"__data_type__":"Elixir.Brook.Event"}""", """{"messageId":"x","messageType":["urn:message:Orders:OrderPlaced"],"message":{"a":1},"sentTime":"2020-01-01T00:00:00Z"}"""];
        for (var i = 0; i < 30_000; i++)
        {
            var value = Encoding.UTF8.GetBytes(seeds[i % seeds.Length]);
            for (var change = random.Next(4); change > 0; change--) value[random.Next(value.Length)] = (byte)random.Next(256);
            var e = Read(value[..random.Next(value.Length + 1)], s_messages);
            if (e.Error is null) Assert.Null(EventEnvelope.Read(e.Record, e.Position, e.SentAt).Error);
        }
    }

    [Fact]
    public void A_record_without_a_value_is_passed_over_or_an_event_of_the_topics_type()
    {
        Assert.False(RecordReader.TryRead(new KafkaRecord("42"u8.ToArray(), null, null, Sent), RecordFormat.Brook, new("orders/3", 17), out _));
        var e = Read((byte[]?)null, new() { TombstoneType = "order:removed" }, "42"u8.ToArray());
        Assert.Equal(("order:removed", "42", "null", Sent), (e.Type, e.Key, Text(e.Data), e.CreatedAt));
        Assert.Equal("""{"type":"order:removed","create_ts":1600000000000,"key":"42","data":null}""", Text(e.Record));
    }

    [Fact]
    public void The_ids_key_and_headers_of_an_Elixir_event_are_the_records_headers()
    {
        const string Value = """{"author":"a","create_ts":1,"data":1,"forwarded":false,"type":"t","__brook_struct__":"Elixir.Brook.Event"}""";
        var e = Read(Value, key: "t", headers: Headers(("brook-auto-id", Id), ("brook-key", "42"), ("brook-h-a", "1"), ("other", "2")));
        Assert.Equal((Guid.Parse(Id), false, "42", 1, "1"), (e.Id, e.HasCallersId, e.Key, e.Headers!.Count, e.Headers["a"]));
        Assert.True(Read(Value, headers: Headers(("brook-id", Id))).HasCallersId);
        Assert.Contains("is not a UUID", Read(Value, headers: Headers(("brook-id", "5"))).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_raw_message_of_MassTransit_is_an_event_of_the_type_that_its_urn_is_mapped_to()
    {
        var e = Read("""{"type":"x","data":1}""", s_messages, "42", Headers(("MessageId", Id), ("MT-MessageType", "urn:message:Orders:IAny;urn:message:Orders:OrderPlaced"), ("CorrelationId", "c"), ("MT-Activity-Id", "00-a")));
        Assert.Equal((Guid.Parse(Id), false, "order:placed", "42", """{"type":"x","data":1}""", Sent), (e.Id, e.HasCallersId, e.Type, e.Key, Text(e.Data), e.CreatedAt));
        Assert.Equal(("c", "00-a"), (e.Headers![BrookEvent.CorrelationHeader], e.Headers[BrookEvent.TraceHeader]));
        Assert.Equal(e.Id, EventEnvelope.Read(e.Record, default, default).Id);
        Assert.True(Read("{}", new() { EventType = "t", RemembersMessageIds = true }, headers: Headers(("MessageId", Id))).HasCallersId);
        Assert.Contains("'urn:message:X'", Read("{}", s_messages, headers: Headers(("MT-MessageType", "urn:message:X"))).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":1}""")]
    [InlineData("""[1]""")]
    [InlineData("""{"type":"x","data":1}""")]
    [InlineData("null")]
    public void The_values_of_a_topic_with_an_event_type_are_the_data(string value)
    {
        var e = Read(value, new() { EventType = "order:placed" }, "42");
        Assert.Equal(("order:placed", "42", value, Sent), (e.Type, e.Key, Text(e.Data), e.CreatedAt));
    }

    [Fact]
    public void An_event_that_says_so_itself_is_one_in_a_topic_with_an_event_type()
    {
        Assert.Equal("""{"id":"42"}""", Text(Read(Line, new() { EventType = "other" }).Data));
        Assert.Equal("""{ "id":"42"}""", Text(Read(Line.Replace("{\"id\":\"42\"", "{\n\"id\":\"42\"", StringComparison.Ordinal), new() { EventType = "other" }).Data));
        Assert.Equal("t", Read("""{"author":"a","create_ts":1,"data":1,"type":"t","__data_type__":"Elixir.Brook.Event"}""", new() { EventType = "other" }).Type);
    }

    [Fact]
    public void MassTransits_envelope_is_opened()
    {
        const string Value = $$$"""{"messageId":"{{{Id}}}","correlationId":"c","messageType":["urn:message:Orders:OrderPlaced"],"message":{"id":"42"},"sentTime":"2020-06-08T12:34:56.123Z","headers":{},"host":{}}""";
        foreach (var format in new[] { s_messages, new() { EventType = "order:placed" } })
        {
            var e = Read(Value, format, "42");
            Assert.Equal((Guid.Parse(Id), "order:placed", "42", """{"id":"42"}""", 1591619696123, "c"), (e.Id, e.Type, e.Key, Text(e.Data), e.CreatedAt.ToUnixTimeMilliseconds(), e.Headers![BrookEvent.CorrelationHeader]));
        }
    }

    [Fact]
    public void Brooks_own_record_is_the_line_under_its_key_without_headers()
    {
        var e = EventEnvelope.Read(Encoding.UTF8.GetBytes(Line), default, default);
        var record = RecordWriter.Write(e, RecordFormat.Brook);
        Assert.Equal((Line, "42"), (Encoding.UTF8.GetString(record.Value!), Encoding.UTF8.GetString(record.Key!)));
        Assert.Null(record.Headers);
        Assert.Null(RecordWriter.Write(e with { Key = null }, RecordFormat.Brook).Key);
    }

    [Fact]
    public void A_record_without_a_time_is_of_1970()
    {
        Assert.Equal(DateTimeOffset.UnixEpoch, KafkaRecord.TimeOf(default));
        Assert.Equal(Sent, KafkaRecord.TimeOf(new Timestamp(Sent)));
    }
}
