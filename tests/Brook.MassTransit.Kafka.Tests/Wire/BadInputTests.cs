using System.Text;
using Brook.Lanes;
using Brook.Tests.PropertyTests;
using Confluent.Kafka;
using static Brook.MassTransit.Kafka.Tests.Wire.Golden;

namespace Brook.MassTransit.Kafka.Tests.Wire;

/// <summary>Records that are too large, too deep or changed at random, in every form that is read.</summary>
public sealed class BadInputTests
{
    private const string Own = """{"auto_id":"0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80","type":"t","author":"a","create_ts":1,"key":"k","data":{"id":"42"}}""";
    private const string Elixir = """{"author":"a","create_ts":1,"data":{"id":1},"forwarded":false,"type":"t","__brook_struct__":"Elixir.Brook.Event"}""";
    private const string JsonSerde = """{"type":"t","author":{"__data_type__":"atom","value":"x"},"create_ts":1,"data":{"id":1},"__data_type__":"Elixir.Brook.Event"}""";
    private const string Old = """{"__struct__":"Elixir.Brook.Event","type":"t","author":"a","create_ts":1,"data":"{\"id\":1}"}""";
    private const string Envelope = """{"messageId":"0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80","messageType":["urn:message:Orders:OrderPlaced"],"message":{"id":"42"},"sentTime":"2020-06-08T12:34:56.123Z","headers":{},"host":{}}""";
    private const string Foreign = """{ "type" : "t", "data" : { "id" : 1 }, "headers" : { "a" : "b" } }""";
    private const string Quoted = """ "{\"type\":\"t\",\"data\":{\"id\":1}}" """;

    private static readonly RecordFormat s_format = new() { TypeOfMessage = urn => urn == "urn:message:Orders:OrderPlaced" ? "order:placed" : null, MaxBytes = 1_000_000 };
    private static readonly RecordFormat s_typed = new() { EventType = "t", TombstoneType = "gone", MaxBytes = 1_000_000 };
    private static readonly RecordFormat s_elixir = new() { Elixir = ElixirFormat.BrookSerde, MaxBytes = 1_000_000 };

    [Theory]
    [InlineData(Own)]
    [InlineData(Elixir)]
    [InlineData(Envelope)]
    public void A_record_larger_than_is_received_is_not_looked_into(string form)
    {
        var value = form.Insert(form.LastIndexOf('}'), new string(' ', 1_000_001 - form.Length));

        var e = Read(value, s_format, key: "42");

        Assert.StartsWith("The record cannot be read: it has 1,000,001 bytes, and 1,000,000 are taken (MaxReceivedBytes). It is kept as it came.", e.Error, StringComparison.Ordinal);
        Assert.Equal(("", "42", value), (e.Type, e.Key, Text(e.Record)));         // its key waits: the record says it outside
        Assert.Null(Read(value[..^1].Remove(value.LastIndexOf(' '), 1) + "}", s_format).Error);
    }

    [Theory]
    [InlineData("lists", "[")]
    [InlineData("objects", "{\"a\":")]
    [InlineData("an event of Elixir", "{\"__brook_struct__\":\"Elixir.Brook.Event\",\"type\":\"t\",\"data\":[")]
    [InlineData("a type of Elixir that is an object", "{\"__brook_struct__\":\"Elixir.Brook.Event\",\"data\":1,\"type\":{\"__data_type__\":\"atom\",\"value\":[")]
    [InlineData("an envelope", "{\"messageType\":[\"urn:message:Orders:OrderPlaced\"],\"message\":{\"a\":[")]
    [InlineData("an envelope's types", "{\"messageType\":[[")]
    public void Depth_ends_a_record_and_not_the_process(string what, string opening)
    {
        foreach (var format in new[] { s_format, s_typed, s_elixir })
        {
            var e = Read(string.Concat(Enumerable.Repeat(opening, 100_000 / opening.Length)), format, key: "42");
            Assert.True(e.Error is not null, what);
        }
    }

    [Fact]
    public void A_string_in_a_string_in_a_string_is_read_as_often_as_it_can_be_written()
    {
        var value = """{"type":"t","data":1}""";
        for (var depth = 0; depth < 12; depth++) value = System.Text.Json.JsonSerializer.Serialize(value, s_relaxed);
        Assert.InRange(value.Length, 8_000, 100_000);          // each level doubles its backslashes, so that there are few

        Assert.Equal("t", Read(value).Type);
    }

    private static readonly System.Text.Json.JsonSerializerOptions s_relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public void A_key_in_a_header_that_is_too_long_is_none()
    {
        Assert.Null(Read(Elixir, s_elixir, headers: Headers(("brook-key", string.Concat(Enumerable.Repeat("😀", 300))))).Key);
        Assert.NotNull(Read(Elixir, s_elixir, headers: Headers(("brook-key", string.Concat(Enumerable.Repeat("😀", 256))))).Key);
    }

    [Fact]
    public void A_message_type_that_is_a_NET_type_is_a_name()
    {
        const string Value = """{"messageType":["urn:message:System.Diagnostics:Process"],"message":{"$type":"System.Diagnostics.Process, System"}}""";
        Assert.Contains("it is a message of MassTransit, 'urn:message:System.Diagnostics:Process', and no event type is known for that", Read(Value, s_format).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_the_bytes_and_headers_are_a_record_is_an_event_or_has_a_reason()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var mutations = new Mutations(random);
        var valid = new[] { Own, Elixir, JsonSerde, Old, Envelope, Foreign, Quoted }.Select(Encoding.UTF8.GetBytes).ToArray();
        string[] names = ["brook-id", "brook-auto-id", "brook-key", "brook-h-a", "MessageId", "MT-MessageType", "CorrelationId", "MT-Activity-Id", "traceparent"];
        var (read, refused) = (0, 0);
        for (var trial = 0; trial < 20_000; trial++)
        {
            var value = mutations.Of(valid[trial % valid.Length], valid[random.Next(valid.Length)]);
            var headers = new Headers();
            if (random.Next(2) == 0) headers.Add(names[random.Next(names.Length)], random.Next(3) switch { 0 => null, 1 => "0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80"u8.ToArray(), _ => mutations.Of("urn:message:Orders:OrderPlaced"u8.ToArray(), valid[0]) });
            var key = random.Next(4) switch { 0 => null, 1 => "k"u8.ToArray(), 2 => new byte[1025], _ => new byte[] { 0xff, 0, 0xfe } };
            foreach (var format in new[] { RecordFormat.Brook, s_format, s_typed, s_elixir })
            {
                var e = Read(value, format, key, headers);
                if (e.Error is null)
                {
                    read++;
                    Assert.True(EventEnvelope.Read(e.Record, e.Position, e.SentAt).Error is null, $"seed {seed}, trial {trial}: {Text(e.Record)}");
                    continue;
                }
                refused++;
                Assert.True(e.Error.Length is > 20 and < 4200 && !e.Error.Any(char.IsControl), $"seed {seed}, trial {trial}: {e.Error}");
                Assert.True(value.AsSpan().SequenceEqual(e.Record.Span), $"seed {seed}, trial {trial}: not as it came");
            }
        }
        Assert.True(read > 1000 && refused > 1000, $"seed {seed}: {read} read, {refused} refused");
    }
}
