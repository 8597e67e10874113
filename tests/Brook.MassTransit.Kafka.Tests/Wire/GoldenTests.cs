using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Brook.Lanes;

namespace Brook.MassTransit.Kafka.Tests.Wire;

/// <summary>Against the recorded bytes of Brook 0.4.9 and 0.6.0 for Elixir.</summary>
public sealed class GoldenTests
{
    /// <summary>What cannot be an event in Elixir either: a value that its serializer refuses.</summary>
    private static readonly string[] s_unwritable = ["map_key_error_atom", "map_tuple_key", "keyword", "mapset_structs", "tuple", "tuple_pair_string", "binary_invalid_utf8", "bitstring", "pid"];

    private static readonly JsonSerializerOptions s_relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static TheoryData<string, string> Wire => Golden.Ids("wire_brook_serde", "wire_json_serde", "wire_brook_0.4.9");

    public static TheoryData<string, string> Envelopes => Golden.Ids("envelope_brook_serde", "envelope_json_serde");

    public static TheoryData<string, string> Decoded => Golden.Ids("decode_brook_serde", "decode_json_serde");

    [Theory]
    [MemberData(nameof(Wire))]
    public void An_event_of_Elixir_is_read_and_its_data_is_what_stands_there(string file, string id)
    {
        if (Golden.Written(Golden.Case(file, id)) is not { } written)
        {
            Assert.Contains(id, s_unwritable);
            return;
        }
        var e = Golden.Read(written, key: Encoding.UTF8.GetBytes("golden:type"));
        Assert.Null(e.Error);
        Assert.Equal(("golden:type", "golden", 1591619696123, (string?)null, Guid.Empty), (e.Type, e.Author, e.CreatedAt.ToUnixTimeMilliseconds(), e.Key, e.Id));
        var data = JsonNode.Parse(written)!["data"]!;
        if (file == "wire_brook_0.4.9") data = JsonNode.Parse(data.GetValue<string>());
        AssertSame(data, JsonNode.Parse(e.Data.Span));
        var line = EventEnvelope.Read(e.Record, e.Position, e.SentAt);
        Assert.Equal((e.Type, e.Author, e.CreatedAt, Golden.Text(e.Data)), (line.Type, line.Author, line.CreatedAt, Golden.Text(line.Data)));
    }

    [Theory]
    [MemberData(nameof(Wire))]
    public void An_event_of_Elixir_is_written_with_the_bytes_it_had(string file, string id)
    {
        if (file == "wire_brook_0.4.9" || Golden.Written(Golden.Case(file, id)) is not { } written) return;       // 0.4 is read only
        var record = RecordWriter.Write(Golden.Read(written), new() { Elixir = Golden.FormOf(file) });
        Assert.Equal(Encoding.UTF8.GetString(written), Encoding.UTF8.GetString(record.Value!));
        Assert.Equal("golden:type", Encoding.UTF8.GetString(record.Key!));
    }

    [Theory]
    [MemberData(nameof(Wire))]
    public void An_event_that_NET_serializes_has_the_bytes_of_Elixir(string file, string id)
    {
        if (file == "wire_brook_0.4.9" || Golden.Written(Golden.Case(file, id)) is not { } written) return;
        var recorded = JsonDocument.Parse(written).RootElement.GetProperty("data");
        var data = JsonSerializer.SerializeToUtf8Bytes(recorded, s_relaxed);
        byte[] line = [.. "{\"auto_id\":\"0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80\",\"type\":\"golden:type\",\"author\":\"golden\",\"create_ts\":1591619696123,\"data\":"u8, .. data, .. "}"u8];
        var ours = RecordWriter.Write(EventEnvelope.Read(line, default, default) with { Data = default }, new() { Elixir = Golden.FormOf(file) });
        // System.Text.Json escapes what Jason leaves: U+007F, U+00A0, U+2028, U+2029 and U+FEFF. It reads as the same text.
        if (id == "string_escapes") AssertSame(JsonNode.Parse(written), JsonNode.Parse(ours.Value));
        else Assert.Equal(Encoding.UTF8.GetString(written), Encoding.UTF8.GetString(ours.Value!));
    }

    /// <summary>Elixir has no float that looks like an integer, .NET has; both read both. A float in .NET keeps its value, not its digits.</summary>
    [Theory]
    [InlineData("float_integral", "1")]
    [InlineData("float_third", null)]
    [InlineData("float_tenth", null)]
    [InlineData("float_1e16", "10000000000000000")]
    [InlineData("float_1e-5", "1E-05")]
    [InlineData("float_0.001", null)]
    [InlineData("float_big", "1.7976931348623157E+308")]
    [InlineData("float_tiny", "5E-324")]
    [InlineData("float_negzero", "-0")]
    public void A_double_is_written_as_NET_writes_it(string id, string? differs)
    {
        var recorded = JsonDocument.Parse(Golden.Written(Golden.Case("wire_brook_serde", id))!).RootElement.GetProperty("data");
        Assert.Equal(differs ?? recorded.GetRawText(), JsonSerializer.Serialize(recorded.GetDouble()));
        Assert.Equal(recorded.GetDouble(), JsonSerializer.Deserialize<double>(JsonSerializer.Serialize(recorded.GetDouble())));
    }

    [Theory]
    [MemberData(nameof(Envelopes))]
    public void An_envelope_is_read_as_Elixir_means_it(string file, string id)
    {
        var e = Golden.Read(Golden.Written(Golden.Case(file, id))!);
        var (type, author, at) = id switch
        {
            "type_atom" => ("my_type", "my_app", 1L),
            "type_unicode" => ("тип:événement", "ä", 1),
            "author_nil" => ("t", null, 1),
            "create_ts_datetime" => ("t", "a", 1591619696123),
            "create_ts_nil" => ("t", "a", Golden.Sent.ToUnixTimeMilliseconds()),        // it says no time: the record does
            "type_integer" => ("5", "a", 1),
            "forwarded_true" => ("t", "a", 1),                                          // such events never stand in topics; to us it is one as the others
            _ => throw new InvalidOperationException(id),
        };
        Assert.Null(e.Error);
        Assert.Equal((type, author, at, "1"), (e.Type, e.Author, e.CreatedAt.ToUnixTimeMilliseconds(), Golden.Text(e.Data)));
    }

    [Theory]
    [MemberData(nameof(Envelopes))]
    public void An_envelope_is_written_as_Elixir_writes_it(string file, string id)
    {
        var written = Golden.Written(Golden.Case(file, id))!;
        var ours = Encoding.UTF8.GetString(RecordWriter.Write(Golden.Read(written), new() { Elixir = Golden.FormOf(file) }).Value!);
        // Atoms, integers as types, times as DateTime, no time and what was forwarded: Brook for .NET has text, Unix milliseconds and false.
        if (id is "type_unicode" or "author_nil" || id == "type_atom" && file == "envelope_brook_serde") Assert.Equal(Encoding.UTF8.GetString(written), ours);
        else Assert.NotEqual(Encoding.UTF8.GetString(written), ours);
    }

    /// <summary>
    /// Read here though Elixir's server ended on it or swallowed it, with the reason; null: set aside. The marks of both serializers are read whichever wrote them, so both recordings
    /// have one answer.
    /// </summary>
    private static string? WhyRead(string id) => id switch
    {
        "brook_minimal_ok" or "serde_minimal_ok" or "brook_unicode_escapes" or "brook_missing_forwarded" or "brook_struct_extra_field" or "brook_datetime_offset" or "brook_datetime_extra_key"
            or "brook_dup_keys" or "brook_int_as_1e3" or "brook_big_decimal" or "brook_keyword_2_2_2" => "Elixir reads it, with the serializer that wrote it",
        "serde_extra_field" => "only a struct has no room for another field",
        "brook_missing_author" => "an event need not say who sent it",
        "brook_unknown_struct_in_data" or "serde_unknown_struct_in_data" or "serde_unknown_alias_in_data" => "modules are nothing to .NET: the data is the object's fields",
        "brook_bad_date" or "brook_bad_datetime" or "brook_tag_nonstring" or "serde_atom_no_value" or "serde_tuple_no_values" => "the data is JSON; whether it is a date says the handler's type",
        "brook_0_4_9_struct" => "Brook 0.4 wrote it so",
        _ => null,
    };

    [Theory]
    [MemberData(nameof(Decoded))]
    public void What_Elixir_reads_is_read_and_the_rest_is_set_aside_unless_it_is_plain(string file, string id)
    {
        var item = Golden.Case(file, id);
        var input = item.GetProperty("input").GetProperty("base64").GetBytesFromBase64();
        var e = Golden.Read(input);
        if (WhyRead(id) is not null)
        {
            Assert.Null(e.Error);
            Assert.Equal("t", e.Type);
            Assert.Equal(id == "brook_0_4_9_struct" ? """{"__brook_struct__":"Elixir.Date","value":"2020-06-08"}""" : JsonDocument.Parse(input).RootElement.GetProperty("data").GetRawText(), Golden.Text(e.Data));
            return;
        }
        // Deeper than any .NET serializer reads: the one event that Elixir reads and Brook for .NET does not.
        if (id != "deep_nesting_5000") Assert.False(item.GetProperty("is_event").GetBoolean());
        Assert.StartsWith("The record cannot be read: ", e.Error, StringComparison.Ordinal);
        Assert.Equal(input, e.Record.ToArray());
    }

    [Fact]
    public void A_header_names_what_has_no_place_in_the_JSON_of_Elixir()
    {
        var id = Guid.NewGuid();
        var line = $$$"""{"id":"{{{id}}}","type":"order:placed","author":"orders","create_ts":5,"key":"42","headers":{"correlation-id":"c","é":"ü"},"data":{"a":1}}""";
        var record = RecordWriter.Write(EventEnvelope.Read(Encoding.UTF8.GetBytes(line), default, default), new() { Elixir = ElixirFormat.JsonSerde });
        Assert.Equal("""{"author":"orders","create_ts":5,"data":{"a":1},"forwarded":false,"type":"order:placed","__data_type__":"Elixir.Brook.Event"}""", Encoding.UTF8.GetString(record.Value!));
        Assert.Equal([("brook-id", $"{id}"), ("brook-key", "42"), ("brook-h-correlation-id", "c"), ("brook-h-é", "ü")], record.Headers.Select(header => (header.Key, Encoding.UTF8.GetString(header.GetValueBytes()))));
        var e = Golden.Read(record.Value!, new() { Elixir = ElixirFormat.JsonSerde }, record.Key, record.Headers);
        Assert.Equal(line, Golden.Text(e.Record));
        Assert.Equal((id, true, "42", "ü"), (e.Id, e.HasCallersId, e.Key, e.Headers!["é"]));
    }

    private static void AssertSame(JsonNode? expected, JsonNode? actual) => Assert.True(JsonNode.DeepEquals(expected, actual), $"{expected?.ToJsonString()} {actual?.ToJsonString()}");
}
