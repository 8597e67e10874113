using System.Text;
using System.Text.Json;
using Brook.Lanes;

namespace Brook.MassTransit.Kafka.Tests.Wire;

/// <summary>What Brook for Elixir wrote and read, as it was recorded.</summary>
internal static class Golden
{
    public static readonly DateTimeOffset Sent = DateTimeOffset.FromUnixTimeMilliseconds(1_600_000_000_000);

    public static IEnumerable<JsonElement> Cases(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "golden", file + ".json")));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(item => item.Clone())];
    }

    public static JsonElement Case(string file, string id) => Cases(file).Single(item => item.GetProperty("id").GetString() == id);

    /// <summary>The event's bytes; null: Elixir could not write it.</summary>
    public static byte[]? Written(JsonElement item)
    {
        var serialized = item.TryGetProperty("event", out var e) ? e.GetProperty("serialized") : item.GetProperty("serialized");
        return serialized.ValueKind == JsonValueKind.Object && serialized.GetProperty("status").GetString() == "ok" ? serialized.GetProperty("base64").GetBytesFromBase64() : null;
    }

    public static TheoryData<string, string> Ids(params string[] files)
    {
        var rows = new TheoryData<string, string>();
        foreach (var file in files)
            foreach (var item in Cases(file)) rows.Add(file, item.GetProperty("id").GetString()!);
        return rows;
    }

    public static ElixirFormat FormOf(string file) => file.EndsWith("json_serde", StringComparison.Ordinal) ? ElixirFormat.JsonSerde : ElixirFormat.BrookSerde;

    public static EventEnvelope Read(byte[]? value, RecordFormat? format = null, byte[]? key = null, Confluent.Kafka.Headers? headers = null)
    {
        Assert.True(RecordReader.TryRead(new KafkaRecord(KafkaRecord.Bytes(key), KafkaRecord.Bytes(value), headers, Sent), format ?? RecordFormat.Brook, new("orders/3", 17), out var e));
        Assert.Equal(new EventPosition("orders/3", 17), e.Position);
        Assert.Equal(Sent, e.SentAt);
        return e;
    }

    public static EventEnvelope Read(string value, RecordFormat? format = null, string? key = null, Confluent.Kafka.Headers? headers = null)
        => Read(Encoding.UTF8.GetBytes(value), format, key is null ? null : Encoding.UTF8.GetBytes(key), headers);

    public static Confluent.Kafka.Headers Headers(params (string Name, string Value)[] all)
    {
        var headers = new Confluent.Kafka.Headers();
        foreach (var (name, value) in all) headers.Add(name, Encoding.UTF8.GetBytes(value));
        return headers;
    }

    public static string Text(ReadOnlyMemory<byte> utf8) => Encoding.UTF8.GetString(utf8.Span);
}
