using Brook.Bench.Scenarios.Redis;

namespace Brook.Bench.Scenarios.Sqlite;

/// <summary>The events and entries of the redis scenario, for fewer orders: each once, then at random. A batch hits pages all over the file.</summary>
internal static class SqliteLoad
{
    public const int Keys = 20_000;
    private const int Events = 5 * Keys;
    private static readonly int[] s_keys = [.. Enumerable.Range(0, Keys), .. AtRandom(new Random(1))];
    private static ReadOnlyMemory<byte>[]? s_records;

    public static ReadOnlyMemory<byte>[] Records => s_records ??= Bench.Records.Of(Enumerable.Range(0, Events).Select(Event));

    public static ReadOnlyMemory<byte> Record(int i) => Records[i % Events];

    public static BrookEvent<OrderUpdated> Event(int i)
    {
        var id = RedisLoad.Id(s_keys[i % Events]);
        return new(Load.Type, new OrderUpdated(id, i, "shipped", 12.5m)) { Key = id };
    }

    /// <summary>The number of an event modulo that of the partitions is its key's partition.</summary>
    private static IEnumerable<int> AtRandom(Random random) => Enumerable.Range(0, Events - Keys).Select(i => random.Next(Keys / RedisLoad.Partitions) * RedisLoad.Partitions + i % RedisLoad.Partitions);
}
