using System.Globalization;
using Brook.Bench.Scenarios.RabbitMq;
using Brook.KafkaServers;
using Brook.TestServers;

namespace Brook.Bench.Scenarios.Kafka;

/// <summary>Kafka's clients against a cluster that costs next to nothing: what the .NET side takes.</summary>
internal sealed class OverKafka : Scenario
{
    private const int Events = 80 * RabbitLoad.Keys, Slow = 20 * RabbitLoad.Keys, Senders = 256;
    private MockKafkaProcess? _cluster;
    private RedisServer? _redis;
    private Topics? _topics;

    public override string Name => "kafka";

    public override string About => "Kafka: a full topic read by the client alone, by a consumer per message, by Streamiz.Kafka.Net and by Brook, into memory and into Redis; what senders get done";

    public override IReadOnlyList<string> Notes =>
    [
        string.Create(CultureInfo.InvariantCulture, $"the mock cluster of librdkafka in a process of its own, one broker: nothing is replicated or written to a disk, so these are the client side's figures and no broker's; one redis-server; loopback; the servers' CPU is that of both"),
        string.Create(CultureInfo.InvariantCulture, $"reading rows (raw to engine_redis): the events of the rabbitmq scenario in a topic of {Topics.Partitions} partitions by key, filled before, the same one for all rows and rounds; {RabbitLoad.Keys:N0} keys in turn, LogLimit {Load.LogLimit}; groups and views of their own, an empty Redis for each turn; measured is from the start of the reader (client, host), its connection and its group included, to the last event"),
        "raw: Confluent.Kafka's Consume in a group of its own, key and value as bytes, counted; every row has the fetch settings that Brook sets (fetch.queue.backoff.ms 10: with the client's default who empties its queue of 100,000 records in less than a second waits for the rest of it)",
        "per_message: one record, one message through MassTransit's pipe into a consumer that folds into a dictionary and keeps a log; a rider of this program, as small as it can be; in order in a partition, partitions side by side; offset stored per message",
        "streamiz: GroupByKey and Aggregate into its store in memory, no changelog topic, one stream thread (its default), System.Text.Json; no log",
        "memory, redis: Brook; batches are what has arrived when a lane is free; engine_memory, engine_redis: the engine over the same records from memory, a lane for each partition, batches as the redis row had them; lanes are open and the connection is there before",
        string.Create(CultureInfo.InvariantCulture, $"produce: Confluent.Kafka's Produce with a callback for each record, into a client that is there before; send_many: one SendManyAsync; send_{Senders}: {Senders} callers, each awaits its own SendAsync; idempotent, acks=all, linger 1 ms; a topic of its own of {Topics.Partitions} partitions for each turn, nobody reads"),
    ];

    public override IReadOnlyList<Row> Rows =>
    [
        new("raw", Events, () => OpenAsync(topics => new RawPeer(topics))) { LeadIn = RabbitLoad.Keys },
        new("per_message", Slow, () => OpenAsync(topics => new PerMessagePeer(topics))) { LeadIn = RabbitLoad.Keys },
        new("streamiz", Slow, () => OpenAsync(topics => new StreamizPeer(topics))) { LeadIn = RabbitLoad.Keys },
        new("memory", Events, () => OpenAsync(topics => new BrookPeer(topics, redis: null))) { LeadIn = RabbitLoad.Keys },
        new("engine_memory", Events, () => OpenAsync(topics => TopicEnginePeer.Open(topics, redis: null))) { LeadIn = RabbitLoad.Keys },
        new("redis", Events, () => OpenAsync(topics => new BrookPeer(topics, _redis))) { LeadIn = RabbitLoad.Keys },
        new("engine_redis", Events, () => OpenAsync(topics => TopicEnginePeer.Open(topics, _redis!))) { LeadIn = RabbitLoad.Keys },
        new("produce", 300_000, async () => await ProducePeer.OpenAsync(_topics!)),
        new("send_many", 300_000, async () => await SendPeer.OpenAsync(_topics!, callers: 0)),
        new($"send_{Senders}", 100_000, async () => await SendPeer.OpenAsync(_topics!, Senders)),
    ];

    public override IReadOnlyList<Ratio> Ratios { get; } =
    [
        new("memory_vs_raw", "memory", "raw"), new("memory_vs_per_message", "memory", "per_message"), new("memory_vs_streamiz", "memory", "streamiz"),
        new("memory_vs_engine_memory", "memory", "engine_memory"), new("redis_vs_engine_redis", "redis", "engine_redis"), new("send_many_vs_produce", "send_many", "produce"), new("send_256_vs_produce", $"send_{Senders}", "produce"),
    ];

    public override string? WhyNot => RedisServer.WhyNot;

    public override TimeSpan? ServerCpu => _cluster!.CpuTime + _redis!.CpuTime;

    public override async Task StartAsync()
    {
        _redis = await RedisServer.StartAsync();
        _cluster = await MockKafkaProcess.StartAsync();
        _topics = new(_cluster);
    }

    public override async ValueTask StopAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
        if (_redis is not null) await _redis.DisposeAsync();
    }

    private async Task<IPeer> OpenAsync(Func<Topics, IPeer> open)
    {
        await _redis!.CommandAsync("FLUSHALL", "SYNC");
        return open(_topics!);
    }
}
