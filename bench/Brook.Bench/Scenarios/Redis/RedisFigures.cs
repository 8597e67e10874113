using System.Diagnostics;
using System.Globalization;
using Brook.TestServers;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>What a large collection costs: memory, and how long reading all of it holds others up.</summary>
internal static class RedisFigures
{
    public const int Entries = 100_000, Logged = 10, Streams = 5;

    public static async Task<IReadOnlyList<Figure>> MeasureAsync(RedisServer server, int entries)
    {
        var empty = await EmptyAsync(server);
        var unlogged = await FillAsync(server, entries, events: 1, logLimit: 0);
        await EmptyAsync(server);
        var logged = await FillAsync(server, entries, Logged, new BrookOptions().LogLimit);
        await server.CommandAsync("DEBUG", "POPULATE", Text(3 * entries), "other", "300");      // with the logs: four keys for each entry

        await using var peer = await EnginePeer.OpenAsync(server, lanes: 1, RedisLoad.Record, options => { });
        var (blocks, rates) = (new List<double>(), new List<double>());
        for (var i = 0; i < Streams; i++)
        {
            rates.Add(await StreamAsync(peer.View, entries));
            blocks.Add(await LongestCommandAsync(server, () => StreamAsync(peer.View, entries)));
        }
        return
        [
            new("getall_longest_block_ms", Measure.Median(blocks)), new("getall_entries_per_second", Measure.Median(rates)),
            new("bytes_per_entry", (double)(unlogged - empty) / entries), new("bytes_per_logged_event", (double)(logged - unlogged) / (Logged * entries)),
        ];
    }

    private static async Task<long> EmptyAsync(RedisServer server)
    {
        await server.CommandAsync("FLUSHALL", "SYNC");
        return await UsedAsync(server);
    }

    /// <summary>So many events of each entry; gives the memory when the connection is closed again.</summary>
    private static async Task<long> FillAsync(RedisServer server, int entries, int events, int logLimit)
    {
        await using (var peer = await EnginePeer.OpenAsync(server, lanes: 1, i => RedisLoad.Records[i % entries], options => options.LogLimit = logLimit))
            await peer.RunAsync(events * entries);
        return await UsedAsync(server);
    }

    private static async Task<long> UsedAsync(RedisServer server) => long.Parse((await server.InfoAsync("memory"))["used_memory"], CultureInfo.InvariantCulture);

    private static async Task<double> StreamAsync(IBrookView view, int entries)
    {
        var (started, count) = (Stopwatch.GetTimestamp(), 0);
        await foreach (var _ in view.GetAllAsync(RedisLoad.Orders)) count++;
        return count == entries ? count / Stopwatch.GetElapsedTime(started).TotalSeconds : throw new InvalidOperationException($"The stream has {count} entries of {entries}: no result.");
    }

    private static async Task<double> LongestCommandAsync(RedisServer server, Func<Task> run)
    {
        await server.CommandAsync("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "100000");
        await server.CommandAsync("SLOWLOG", "RESET");
        await run();
        await server.CommandAsync("CONFIG", "SET", "slowlog-log-slower-than", "-1");
        var commands = (object?[])(await server.CommandAsync("SLOWLOG", "GET", "-1"))!;
        return commands.Max(command => (long)((object?[])command!)[2]!) / 1000.0;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
