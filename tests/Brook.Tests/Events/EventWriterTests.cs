using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Brook.Tests.Events;

public sealed class EventWriterTests
{
    private static readonly SystemTextJsonSerializer Json = new(JsonSerializerOptions.Web);

    [Fact]
    public void An_event_is_one_object_with_the_data_last()
    {
        var e = new BrookEvent<object>("order:placed", new { Id = "42", Name = "Zoë" })
        {
            Id = Guid.Parse("01890a5d-ac96-774b-bcce-b302099a8057"), HasCallersId = true, Author = "shöp", Key = "42", CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(1591619696123), Headers = new Dictionary<string, string> { ["traceparent"] = "00-1" },
        };

        Assert.Equal("""{"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"order:placed","author":"shöp","create_ts":1591619696123,"key":"42","headers":{"traceparent":"00-1"},"data":{"id":"42","name":"Zo\u00EB"}}""", Written(e));
    }

    [Fact]
    public void What_is_not_there_is_left_out_and_an_id_the_sender_made_is_marked()
        => Assert.Equal("""{"auto_id":"00000000-0000-0000-0000-000000000000","type":"t","author":"","create_ts":-62135596800000,"data":null}""", Written(new BrookEvent<string?>("t", null)));

    [Fact]
    public void A_serializer_that_throws_leaves_the_writer_fit_for_the_next_event()
    {
        Assert.Throws<NotSupportedException>(() => Written(new BrookEvent<object>("t", typeof(string))));

        Assert.EndsWith("\"data\":1}", Written(new BrookEvent<int>("t", 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_serializer_that_writes_an_event_itself_disturbs_nothing()
        => Assert.EndsWith("""\u0022data\u0022:1}"}""", Written(new BrookEvent<int>("outer", 1), new Nesting()), StringComparison.Ordinal);

    [Fact]
    public void Line_breaks_become_blanks() => Assert.EndsWith("\"data\":{   \"a\": 1  }}", Written(new BrookEvent<int>("t", 1), new Breaking()), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(null)]
    public void An_event_needs_a_type(string? type) => Assert.ThrowsAny<ArgumentException>(() => new BrookEvent<int>(type!, 1));

    [Fact]
    public void An_event_shows_type_and_key() => Assert.Equal("order:placed(42)", new BrookEvent<int>("order:placed", 1) { Key = "42" }.ToString());

    [Fact]
    public void A_position_shows_offset_or_message()
    {
        Assert.Equal("orders/3@17", new EventPosition("orders/3", 17).ToString());
        Assert.Equal("orders/3@01890a5d-ac96-774b-bcce-b302099a8057#2", new EventPosition("orders/3", 2, Guid.Parse("01890a5d-ac96-774b-bcce-b302099a8057")).ToString());
    }

    [Fact]
    public void Untyped_data_is_the_typed_data()
    {
        BrookEvent e = new BrookEvent<int>("t", 7);

        Assert.Equal(7, e.Data);
        Assert.Empty(e.Headers);
    }

    private static string Written(BrookEvent e, IBrookSerializer? serializer = null)
    {
        var line = new ArrayBufferWriter<byte>();
        EventWriter.Write(e, serializer ?? Json, line);
        return Encoding.UTF8.GetString(line.WrittenSpan);
    }

    private sealed class Breaking : IBrookSerializer
    {
        public T? Read<T>(ReadOnlySpan<byte> json) => throw new InvalidOperationException("Not to be called.");

        public void Write<T>(T value, IBufferWriter<byte> json) => json.Write("{\n  \"a\": 1\r\n}"u8);
    }

    private sealed class Nesting : IBrookSerializer
    {
        public T? Read<T>(ReadOnlySpan<byte> json) => throw new InvalidOperationException("Not to be called.");

        public void Write<T>(T value, IBufferWriter<byte> json) => JsonSerializer.Serialize(new Utf8JsonWriter(json), Written(new BrookEvent<T>("inner", value)), JsonSerializerOptions.Web);
    }
}
