using System.Text.Json;
using Brook.TestServers;

namespace Brook.KafkaServers;

/// <summary>kcat: a client in C, for what others than .NET write and read.</summary>
public static class Kcat
{
    // Neither can be in a text.
    private const char KeyEnds = '\x1f', MessageEnds = '\x1e';
    private static readonly string? s_executable = Servers.Find("kcat");

    /// <summary>Null when kcat was found; otherwise what is missing. For <see cref="Servers.SkipReason(string?)"/>.</summary>
    public static string? WhyNot { get; } = s_executable is null ? "kcat is not installed: apt-get install kcat" : null;

    /// <summary>Writes messages, in this order. An empty key or value is written as none.</summary>
    /// <exception cref="InvalidOperationException">kcat is missing or failed: with what it wrote.</exception>
    public static async Task ProduceAsync(string bootstrapServers, string topic, IEnumerable<KafkaMessage> messages, CancellationToken cancellationToken = default)
    {
        foreach (var message in messages)       // one by one: headers are arguments
            await RunAsync(["-P", "-b", bootstrapServers, "-t", topic, "-Z", "-K", "\\x1f", "-D", "\\x1e", .. (message.Headers ?? new Dictionary<string, string>()).SelectMany(header => new[] { "-H", $"{header.Key}={header.Value}" })],
                $"{message.Key}{KeyEnds}{message.Value}{MessageEnds}", cancellationToken);
    }

    /// <summary>Reads the first messages of a topic; waits for them.</summary>
    /// <exception cref="InvalidOperationException">kcat is missing or failed: with what it wrote.</exception>
    /// <exception cref="TimeoutException">There were fewer within 30 s.</exception>
    public static async Task<IReadOnlyList<KafkaMessage>> ConsumeAsync(string bootstrapServers, string topic, int count, CancellationToken cancellationToken = default)
        => [.. (await RunAsync(["-C", "-q", "-J", "-b", bootstrapServers, "-t", topic, "-o", "beginning", "-c", $"{count}", "-X", "fetch.wait.max.ms=10"], "", cancellationToken))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];

    private static Task<string> RunAsync(IReadOnlyList<string> arguments, string input, CancellationToken cancellationToken)
        => Tool.RunAsync(s_executable ?? throw new InvalidOperationException(WhyNot), arguments, input, cancellationToken);

    // {"key":"a","payload":"1","headers":["name","value",...],...}
    private static KafkaMessage Parse(string line)
    {
        using var json = JsonDocument.Parse(line);
        var headers = json.RootElement.TryGetProperty("headers", out var list) ? list.EnumerateArray().Select(text => text.GetString() ?? "").Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]) : null;
        return new(json.RootElement.GetProperty("key").GetString(), json.RootElement.GetProperty("payload").GetString(), headers);
    }
}
