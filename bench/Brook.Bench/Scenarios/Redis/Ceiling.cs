using System.Diagnostics;
using System.Globalization;
using Brook.TestServers;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>What the server takes at most: redis-benchmark writes what an event writes, and reads, checks and orders nothing.</summary>
internal sealed class Ceiling(RedisServer server) : IPeer
{
    public const int Clients = 8, Pipelined = 64, EntryBytes = 300, RecordBytes = 200;      // more clients are no faster, one is slower
    private const string Program = "redis-benchmark";
    private long _extra;

    /// <summary>Why there is no redis-benchmark; null: there is.</summary>
    public static string? WhyNot { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, Program)))
        ? null : $"{Program} is not installed: apt-get install redis-tools";

    /// <inheritdoc />
    public TimeSpan? Took { get; private set; }

    /// <summary>It sends whole pipelines.</summary>
    public async Task RunAsync(int events)
    {
        var requests = (events + Pipelined - 1) / Pipelined * Pipelined;
        _extra += requests - events;
        var (sets, pushes) = (await PerSecondAsync(requests, "SET", "orders:__rand_int__", EntryBytes), await PerSecondAsync(requests, "RPUSH", "log:orders:__rand_int__", RecordBytes));
        Took = TimeSpan.FromSeconds(events / sets + events / pushes);
    }

    /// <summary>The records in all logs.</summary>
    public async Task<long> AppliedAsync()
    {
        const string Script = "local n = 0; for _, key in ipairs(redis.call('KEYS', 'log:*')) do n = n + redis.call('LLEN', key) end; return n";
        return (long)(await server.CommandAsync("EVAL", Script, "0"))! - _extra;
    }

    public ValueTask DisposeAsync() => default;

    /// <summary>By its own clock, which begins when its clients are connected.</summary>
    private async Task<double> PerSecondAsync(int requests, string command, string key, int bytes)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true };
        foreach (var argument in (object[])["-p", server.Port, "-c", Clients, "-P", Pipelined, "-n", requests, "-r", RedisLoad.Keys, "--csv", command, key, new string('x', bytes)])
            start.ArgumentList.Add(string.Create(CultureInfo.InvariantCulture, $"{argument}"));
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var fields = output.TrimEnd().Split('\n')[^1].Split("\",\"");      // "the command","its rate","latencies"...
        if (fields.Length > 1 && fields[1] == "inf") return 1000.0 * requests;      // less than the millisecond that it counts in
        return fields.Length > 1 && double.TryParse(fields[1], CultureInfo.InvariantCulture, out var perSecond) ? perSecond : throw new InvalidOperationException($"{Program} ended with code {process.ExitCode} and said: {output}");
    }
}
