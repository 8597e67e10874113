using System.Globalization;
using Brook.Redis.Tests.Support;
using Brook.TestServers;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Reading;

/// <summary>Tests that measure what the process or the machine does: nothing runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>A million entries: streamed with flat memory, counted and searched at once, and nobody else waits.</summary>
[Collection(nameof(Alone))]
public sealed class LargeCollectionTests
{
    private const int Count = 1_000_000;

    [Fact]
    public async Task A_million_entries_are_streamed_with_flat_memory_and_no_call_that_blocks_the_server()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        await using var server = await RedisServer.StartAsync(cancellationToken: Token);
        await using var store = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await FillAsync(server);
        await server.CommandAsync("CONFIG", "SET", "slowlog-log-slower-than", "100000");
        await server.CommandAsync("SLOWLOG", "RESET");
        var (seen, sum, peak, before) = (0, 0L, 0L, GC.GetTotalMemory(forceFullCollection: true));
        string? after = null;
        do
        {
            var page = await store.ReadPageAsync("things", "", after, 1000, Token);
            foreach (var (key, _) in page.Entries) (seen, sum) = (seen + 1, sum + long.Parse(key, CultureInfo.InvariantCulture));
            if (seen % 100_000 == 0) peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: true) - before);
            after = page.Next;
        }
        while (after is not null);

        Assert.Equal((Count, (long)Count * (Count - 1) / 2), (seen, sum));
        Assert.InRange(peak, long.MinValue, 8 << 20);
        Assert.Equal(Count, await store.CountAsync("things", Token));
        Assert.Equal(["0012340", "0012345"], (await store.ReadPageAsync("things", "001234", null, 10, Token)).Entries.Select(entry => entry.Key).Where(key => key[^1] is '0' or '5'));
        Assert.Equal("", string.Join(' ', ((object?[])(await server.CommandAsync("SLOWLOG", "GET", "10"))!).Select(Show)));      // the bench has the figure; a call over all would take most of a second, and 100 ms is for busy machines
    }

    private static string Show(object? entry) => entry is object?[] many ? $"({string.Join(' ', many.Select(Show))})" : $"{entry}";

    private static async Task FillAsync(RedisServer server)
    {
        const string Fill = "for i = ARGV[1], ARGV[2] do local k = string.format('%07d', i) redis.call('HSET', KEYS[1], k, 'versioni\\16\"' .. k .. string.rep('x', 90) .. '\"') redis.call('ZADD', KEYS[2], 0, k) end";
        for (var from = 0; from < Count; from += 20_000)
            await server.CommandAsync("EVAL", Fill, "2", "{brook}:s:things", "{brook}:i:things", $"{from}", $"{from + 19_999}");
    }
}
