using System.Globalization;
using Brook.TestServers;
using StackExchange.Redis;

namespace Brook.Bench.Scenarios.RabbitMq;

/// <summary>RabbitMQ with a node of its own: full queues drained, into Redis too, and end to end.</summary>
internal sealed class OverRabbitMq : Scenario
{
    public const int Senders = 256;
    private RabbitMqServer? _broker;
    private RedisServer? _redis;

    public override string Name => "rabbitmq";

    public override string About => "RabbitMQ: a full queue drained by consumers and by Brook into Redis; end to end; what senders get done";

    public override IReadOnlyList<string> Notes =>
    [
        string.Create(CultureInfo.InvariantCulture, $"one rabbitmq-server and one redis-server on this machine, loopback; all queues are quorum queues (which write to the disk), messages persistent; a virtual host of its own and an empty Redis for each turn; the servers' CPU is that of both"),
        string.Create(CultureInfo.InvariantCulture, $"same event in every row, records of {RabbitLoad.Record(0).Length} bytes and more; {RabbitLoad.Keys:N0} keys in turn, each with its entry and one event in its log before a turn is measured"),
        "drained (empty to many): queues are filled while nobody reads; measured is from the start of the reading host, its connection included, to the last event",
        "empty, handwritten_redis: one queue as MassTransit sets it up, ConcurrentMessageLimit 1 (in order); handwritten_redis: per event GET, fold, SET, RPUSH, each awaited; handwritten_redis_batch: Batch<T> of 100, one batch at a time, one MGET and one MULTI/EXEC, deliveries side by side (order not kept)",
        string.Create(CultureInfo.InvariantCulture, $"single: {RabbitLoad.Partitions} partitions, one event in each message; many: as SendManyAsync sends, up to 500 in a message; end_to_end: one SendManyAsync while it is read, until all is in the view; duplicates noticed"),
        string.Create(CultureInfo.InvariantCulture, $"publish_256, send_256, send_256_8: {Senders} callers, each awaits its own send, publisher confirms on, nobody reads: Publish to one queue, IBrook.SendAsync to one partition (one queue) and to {RabbitLoad.Partitions}"),
    ];

    public override IReadOnlyList<Row> Rows =>
    [
        new("empty", 30_000, async () => await new ConsumerPeer<Consumers.Empty>(await HostAsync(), null, limit: 1).OpenAsync()) { LeadIn = RabbitLoad.Keys },
        new("handwritten_redis", 20_000, async () => await new ConsumerPeer<Consumers.Handwritten>(await HostAsync(), await RedisAsync(), limit: 1).OpenAsync()) { LeadIn = RabbitLoad.Keys },
        new("handwritten_redis_batch", 30_000, async () => await new ConsumerPeer<Consumers.HandwrittenBatch>(await HostAsync(), await RedisAsync(), limit: null).OpenAsync()) { LeadIn = RabbitLoad.Keys },
        new("single", 60_000, async () => await new BrookDrainPeer(await HostAsync(), _redis!, many: false).OpenAsync()) { LeadIn = RabbitLoad.Keys },
        new("many", 400_000, async () => await new BrookDrainPeer(await HostAsync(), _redis!, many: true).OpenAsync()) { LeadIn = RabbitLoad.Keys },
        new("end_to_end", 400_000, async () => await EndToEndPeer.OpenAsync(await HostAsync(), _redis!)) { LeadIn = RabbitLoad.Keys },
        new("publish_256", 20_000, async () => await SendPeer.PublishAsync(await HostAsync())),
        new("send_256", 200_000, async () => await SendPeer.SendAsync(await HostAsync(), _redis!, partitions: 1)),
        new("send_256_8", 150_000, async () => await SendPeer.SendAsync(await HostAsync(), _redis!, RabbitLoad.Partitions)),
    ];

    public override IReadOnlyList<Ratio> Ratios { get; } =
    [
        new("single_vs_empty", "single", "empty"), new("single_vs_handwritten_redis", "single", "handwritten_redis"),
        new("many_vs_handwritten_redis", "many", "handwritten_redis"), new("send_256_vs_publish", "send_256", "publish_256"), new("send_256_8_vs_publish", "send_256_8", "publish_256"),
    ];

    public override string? WhyNot => RabbitMqServer.WhyNot ?? RedisServer.WhyNot;

    public override TimeSpan? ServerCpu => _broker!.CpuTime + _redis!.CpuTime;

    public override async Task StartAsync()
    {
        _redis = await RedisServer.StartAsync();
        _broker = await RabbitMqServer.StartAsync();
    }

    public override async ValueTask StopAsync()
    {
        if (_broker is not null) await _broker.DisposeAsync();
        if (_redis is not null) await _redis.DisposeAsync();
    }

    private async Task<VirtualHost> HostAsync()
    {
        await _redis!.CommandAsync("FLUSHALL", "SYNC");
        return await VirtualHost.CreateAsync(_broker!);
    }

    private Task<ConnectionMultiplexer> RedisAsync() => ConnectionMultiplexer.ConnectAsync(_redis!.ConnectionString);
}
