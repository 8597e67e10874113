using Brook.Bench.Scenarios.Redis;

namespace Brook.Bench.Scenarios.RabbitMq;

/// <summary>The load: the orders of the redis scenario, 10,000 of them in turn.</summary>
internal static class RabbitLoad
{
    public const int Keys = 10_000, Partitions = 8;
    public const string Stream = "orders";

    public static BrookEvent<OrderUpdated> Event(int i) => RedisLoad.Event(i % Keys);

    public static OrderUpdated Order(int i) => Event(i).Data;

    /// <summary>The event as it travels.</summary>
    public static ReadOnlyMemory<byte> Record(int i) => RedisLoad.Records[i % Keys];
}
