using Brook.TestServers;
using StackExchange.Redis;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>The consumer by hand, called without a bus.</summary>
internal sealed class HandwrittenPeer(ConnectionMultiplexer connection, bool batches) : IPeer
{
    private const int Together = 100;
    private readonly HandwrittenStore _store = new(connection.GetDatabase());
    private int _next;

    public static async Task<IPeer> OpenAsync(RedisServer server, bool batches) => new HandwrittenPeer(await ConnectionMultiplexer.ConnectAsync(server.ConnectionString), batches);

    /// <summary>The first run fills the server, in batches in any case.</summary>
    public async Task RunAsync(int events)
    {
        var (inBatches, end) = (batches || _next == 0, _next + events);
        while (_next < end)
        {
            var count = inBatches ? Math.Min(Together, end - _next) : 1;
            if (inBatches) await ApplyAsync([.. Enumerable.Range(_next, count).Select(RedisLoad.Record)]);
            else await _store.ApplyAsync(Records.Read(RedisLoad.Record(_next)), RedisLoad.Record(_next));
            _next += count;
        }
    }

    public Task<long> AppliedAsync() => _store.AppliedAsync(RedisLoad.Keys);

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private Task ApplyAsync(ReadOnlyMemory<byte>[] records) => _store.ApplyAsync(Array.ConvertAll(records, Records.Read), records);
}
