using Brook.Bench.Scenarios.Redis;

namespace Brook.Bench.Scenarios.Postgres;

/// <summary>The load of the Redis scenario over fewer orders, because what is written by hand is slow: 10,000, each once, then at random.</summary>
internal static class PostgresLoad
{
    public const int Keys = 10_000, Events = 10 * Keys;
    private static readonly int[] s_keys = [.. Enumerable.Range(0, Keys), .. AtRandom(new Random(1))];
    private static ReadOnlyMemory<byte>[]? s_records;

    public static ReadOnlyMemory<byte> Record(int i) => (s_records ??= Records.Of(Enumerable.Range(0, Events).Select(Event)))[i % Events];

    public static BrookEvent<OrderUpdated> Event(int i)
    {
        var id = RedisLoad.Id(s_keys[i % Events]);
        return new(Load.Type, new OrderUpdated(id, i, "shipped", 12.5m)) { Key = id };
    }

    /// <summary>The number of an event modulo that of the partitions is its key's partition.</summary>
    private static IEnumerable<int> AtRandom(Random random)
        => Enumerable.Range(0, Events - Keys).Select(i => random.Next(Keys / RedisLoad.Partitions) * RedisLoad.Partitions + i % RedisLoad.Partitions);
}
