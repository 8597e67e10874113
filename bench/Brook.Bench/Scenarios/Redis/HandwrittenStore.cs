using System.Text.Json;
using StackExchange.Redis;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>What a consumer by hand does with StackExchange.Redis. A crash between two of its commands loses or doubles something, and a second process overwrites.</summary>
internal sealed class HandwrittenStore(IDatabase database)
{
    public async Task ApplyAsync(OrderUpdated e, ReadOnlyMemory<byte> record)
    {
        var order = RedisLoad.Fold(Read(await database.StringGetAsync(Entry(e.Id))), e);
        await database.StringSetAsync(Entry(e.Id), Write(order));
        await database.ListRightPushAsync(Log(e.Id), record);
    }

    /// <summary>A batch: one read, one transaction.</summary>
    public async Task ApplyAsync(OrderUpdated[] events, ReadOnlyMemory<byte>[] records)
    {
        var ids = events.Select(e => e.Id).Distinct().ToArray();
        var found = await database.StringGetAsync(Array.ConvertAll(ids, Entry));
        var orders = ids.Zip(found).ToDictionary(order => order.First, order => Read(order.Second));
        foreach (var e in events) orders[e.Id] = RedisLoad.Fold(orders[e.Id], e);

        var transaction = database.CreateTransaction();
        foreach (var (id, order) in orders) _ = transaction.StringSetAsync(Entry(id), Write(order!));
        for (var i = 0; i < events.Length; i++) _ = transaction.ListRightPushAsync(Log(events[i].Id), records[i]);
        if (!await transaction.ExecuteAsync()) throw new InvalidOperationException("The transaction was not executed.");
    }

    /// <summary>How many events the first orders have seen.</summary>
    public async Task<long> AppliedAsync(int keys)
    {
        var applied = 0L;
        foreach (var chunk in Enumerable.Range(0, keys).Select(i => Entry(RedisLoad.Id(i))).Chunk(1000))
            foreach (var value in await database.StringGetAsync(chunk)) applied += Read(value)?.Count ?? 0;
        return applied;
    }

    private static RedisKey Entry(string id) => $"orders:{id}";

    private static RedisKey Log(string id) => $"log:orders:{id}";

    private static OrderPage? Read(RedisValue value) => value.IsNull ? null : JsonSerializer.Deserialize<OrderPage>(((ReadOnlyMemory<byte>)value).Span, JsonSerializerOptions.Web);

    private static RedisValue Write(OrderPage order) => JsonSerializer.SerializeToUtf8Bytes(order, JsonSerializerOptions.Web);
}
