using System.IO.Compression;
using System.Text;
using System.Text.Json;
using StackExchange.Redis;

namespace Brook.Redis.Tests.Support;

/// <summary>What Brook 0.6 for Elixir wrote, as it was recorded.</summary>
internal static class Golden
{
    public const string Space = "golden:brook_serde";

    public static JsonElement Read(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "golden", file)));
        return document.RootElement.Clone();
    }

    /// <summary>The twenty steps; the Redis content after each.</summary>
    public static JsonElement[] Steps { get; } = [.. Read("redis_brook_serde.json").GetProperty("steps").EnumerateArray()];

    public static IReadOnlyList<GoldenKey> After(int step) => [.. Steps[step - 1].GetProperty("redis_after").EnumerateArray().Select(GoldenKey.Of)];

    /// <summary>Writes what was recorded after a step into another namespace.</summary>
    public static async Task LoadAsync(IDatabase redis, int step, string space)
    {
        foreach (var key in After(step))
            if (key.State is not null) await redis.StringSetAsync(key.In(space), key.State);
            else foreach (var element in key.Elements) await redis.ListRightPushAsync(key.In(space), element);
    }

    public static string Gunzip(byte[] element)
    {
        using var from = new GZipStream(new MemoryStream(element), CompressionMode.Decompress);
        return new StreamReader(from, Encoding.UTF8).ReadToEnd();
    }

    public static byte[] Gzip(string json)
    {
        using var to = new MemoryStream();
        using (var gzip = new GZipStream(to, CompressionLevel.Fastest)) gzip.Write(Encoding.UTF8.GetBytes(json));
        return to.ToArray();
    }

    /// <summary>The event as Brook for .NET logs it: what a lane gives the store.</summary>
    public static byte[] RecordOf(string envelope)
    {
        var e = JsonDocument.Parse(envelope).RootElement;
        return Encoding.UTF8.GetBytes($$"""{"auto_id":"{{Guid.NewGuid()}}","type":{{e.GetProperty("type").GetRawText()}},"author":{{e.GetProperty("author").GetRawText()}},"create_ts":{{e.GetProperty("create_ts").GetRawText()}},"key":"k","headers":{"a":"b"},"data":{{e.GetProperty("data").GetRawText()}}}""");
    }
}

/// <summary>A recorded key: a state, or a log.</summary>
internal sealed record GoldenKey(string Name, byte[]? State, byte[][] Elements)
{
    private string[] Parts => Name[(Golden.Space.Length + 1)..].Split(':', 2);

    public string? Value => State is null ? null : JsonDocument.Parse(State).RootElement.GetProperty("value").GetString();

    public string Type => JsonDocument.Parse(Golden.Gunzip(Elements[0])).RootElement.GetProperty("type").GetString()!;

    /// <summary>The recorded collections have no colon.</summary>
    public string Collection => Parts[1].Split(':', 2)[0];

    public string Key => State is null ? Parts[1].Split(':', 2)[1][..^(Type.Length + 1)] : Parts[1].Split(':', 2)[1];

    public string In(string space) => space + Name[Golden.Space.Length..];

    public static GoldenKey Of(JsonElement key) => new(
        key.GetProperty("key").GetProperty("text").GetString()!,
        key.GetProperty("type").GetString() == "string" ? key.GetProperty("value").GetProperty("base64").GetBytesFromBase64() : null,
        key.TryGetProperty("items", out var items) ? [.. items.EnumerateArray().Select(item => item.GetProperty("base64").GetBytesFromBase64())] : []);
}
