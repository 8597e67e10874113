using System.Text.Json;
using Brook.TestServers;
using StackExchange.Redis;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>What a consumer by hand does with StackExchange.Redis. A crash between two of its commands loses or doubles something, and a second process overwrites.</summary>
internal sealed class HandwrittenPeer(ConnectionMultiplexer connection, bool batches) : IPeer
{
    private const int Together = 100;
    private readonly IDatabase _database = connection.GetDatabase();
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
            else await ApplyAsync(RedisLoad.Record(_next));
            _next += count;
        }
    }

    public async Task<long> AppliedAsync()
    {
        var applied = 0L;
        foreach (var keys in Enumerable.Range(0, RedisLoad.Keys).Select(i => Entry(RedisLoad.Id(i))).Chunk(1000))
            foreach (var value in await _database.StringGetAsync(keys)) applied += Read(value)?.Count ?? 0;
        return applied;
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private async Task ApplyAsync(ReadOnlyMemory<byte> record)
    {
        var e = Records.Read(record);
        var order = RedisLoad.Fold(Read(await _database.StringGetAsync(Entry(e.Id))), e);
        await _database.StringSetAsync(Entry(e.Id), Write(order));
        await _database.ListRightPushAsync(Log(e.Id), record);
    }

    private async Task ApplyAsync(ReadOnlyMemory<byte>[] records)
    {
        var events = Array.ConvertAll(records, Records.Read);
        var ids = events.Select(e => e.Id).Distinct().ToArray();
        var found = await _database.StringGetAsync(Array.ConvertAll(ids, Entry));
        var orders = ids.Zip(found).ToDictionary(order => order.First, order => Read(order.Second));
        foreach (var e in events) orders[e.Id] = RedisLoad.Fold(orders[e.Id], e);

        var transaction = _database.CreateTransaction();
        foreach (var (id, order) in orders) _ = transaction.StringSetAsync(Entry(id), Write(order!));
        for (var i = 0; i < events.Length; i++) _ = transaction.ListRightPushAsync(Log(events[i].Id), records[i]);
        if (!await transaction.ExecuteAsync()) throw new InvalidOperationException("The transaction was not executed.");
    }

    private static RedisKey Entry(string id) => $"orders:{id}";

    private static RedisKey Log(string id) => $"log:orders:{id}";

    private static OrderPage? Read(RedisValue value) => value.IsNull ? null : JsonSerializer.Deserialize<OrderPage>(((ReadOnlyMemory<byte>)value).Span, JsonSerializerOptions.Web);

    private static RedisValue Write(OrderPage order) => JsonSerializer.SerializeToUtf8Bytes(order, JsonSerializerOptions.Web);
}
