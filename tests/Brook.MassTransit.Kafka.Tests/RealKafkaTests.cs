using Brook.KafkaServers;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.MassTransit.Testing;
using Brook.Storage;
using Confluent.Kafka;
using MassTransit;
using Node = Brook.MassTransit.Kafka.Tests.Support.Node;

namespace Brook.MassTransit.Kafka.Tests;

/// <summary>What the mock cluster does not have: run where KAFKA_HOME names an Apache Kafka, which is started and stopped here.</summary>
public sealed class RealKafkaTests(RealKafka kafka) : IClassFixture<RealKafka>
{
    private readonly string _topic = $"stream-{Guid.NewGuid():N}";
    private readonly InMemoryViewStore _store = new();

    public static TheoryData<string> Cases => [.. TransportContract.CasesOf(new TransportFeatures { ManyNodes = true, Restart = true })];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_real_Kafka_keeps_the_contract(string name)
    {
        var server = kafka.Server;
        await server.CreateTopicAsync(_topic, 4, cancellationToken: Token);
        await server.CreateTopicAsync($"{_topic}.brook.forward", 1, cancellationToken: Token);
        await TransportContract.RunAsync(name, new TransportUnderTest(new TransportFeatures { ManyNodes = true, Restart = true }, x => x.UsingInMemory())
        {
            ConfigureStream = brook => brook.UseKafka(server.BootstrapServers, k => k.Topic(_topic).Group($"{_topic}-{brook.Name}").Fast(Rebalancing.Cooperative)),
            RestartAsync = async token =>
            {
                await server.KillAsync();
                await server.RestartAsync(token);
            },
        }, Token);
    }

    [Fact]
    public async Task Records_of_a_transaction_that_was_given_up_are_not_read()
    {
        await kafka.Server.CreateTopicAsync(_topic, 1, cancellationToken: Token);
        using (var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = kafka.Server.BootstrapServers, TransactionalId = _topic }).Build())
        {
            producer.InitTransactions(TimeSpan.FromSeconds(30));
            foreach (var (from, to, commit) in new[] { (1, 10, true), (500, 510, false), (11, 20, true) })
            {
                producer.BeginTransaction();
                for (var number = from; number <= to; number++) producer.Produce(_topic, new Message<string, string> { Key = "a", Value = $$$"""{"type":"step","data":{"number":{{{number}}}}}""" });
                if (commit) producer.CommitTransaction();
                else producer.AbortTransaction();
            }
        }

        await using var node = await StartAsync();

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 20);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task Records_that_retention_removed_before_they_were_read_stop_their_partition()
    {
        await kafka.Server.CreateTopicAsync(_topic, 1, new Dictionary<string, string> { ["segment.ms"] = "500", ["retention.ms"] = "1000", ["segment.bytes"] = "1048576" }, Token);
        await using (var first = await StartAsync())
        {
            await first.Brook.SendAsync(Steps.Of("a", 1), Token);
            await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, "a", Token), last => last == 1);
        }
        await using var sender = await Node.StartAsync(brook => brook.Event<Step>("step").SendOnly().UseKafka(kafka.Server.BootstrapServers, k => k.Topic(_topic)));
        for (var number = 2; await LowAsync() < 2; number++)
        {
            await sender.Brook.SendAsync(Steps.Of("a", number), Token);
            await Task.Delay(200, Token);
        }

        await using var node = await StartAsync();

        await Steps.UntilAsync(() => node.Reader.Halted.Count == 1);
        Assert.Contains("records were removed before they were read (retention)", node.Reader.Halted[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compacted_topic_with_its_gaps_is_read_to_its_end()
    {
        await kafka.Server.CreateTopicAsync(_topic, 1, new Dictionary<string, string> { ["cleanup.policy"] = "compact", ["segment.ms"] = "200", ["min.cleanable.dirty.ratio"] = "0.001", ["max.compaction.lag.ms"] = "500" }, Token);
        using (var producer = new ProducerBuilder<string, string?>(new ProducerConfig { BootstrapServers = kafka.Server.BootstrapServers }).Build())
        {
            for (var number = 1; number <= 200; number++)
                await producer.ProduceAsync(_topic, new Message<string, string?> { Key = $"k{number % 3}", Value = number == 199 ? null : $$$"""{"type":"set","data":{{{number}}}}""" }, Token);
        }

        await using var node = await StartAsync(brook => brook.On<int>("set", e => Change.Create(Steps.Last, e.Key!, e.Data)));

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "k2", Token), last => last == 200);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }

    [Theory]
    [InlineData(Rebalancing.Broker)]
    [InlineData(Rebalancing.Cooperative)]
    [InlineData(Rebalancing.Eager)]
    public async Task Three_nodes_that_come_and_go_keep_every_key_in_order(Rebalancing rebalancing)
    {
        await kafka.Server.CreateTopicAsync(_topic, 6, cancellationToken: Token);
        await using var sender = await Node.StartAsync(brook => brook.Event<Step>("step").SendOnly().UseKafka(kafka.Server.BootstrapServers, k => k.Topic(_topic)));
        var sending = Task.WhenAll(Enumerable.Range(0, 30).Select(key => Task.Run(async () =>
        {
            for (var number = 1; number <= 300; number++) await sender.Brook.SendAsync(Steps.Of($"k{key}", number), Token);
        })));
        var nodes = new List<Node>();
        for (var i = 0; i < 3; i++) nodes.Add(await StartAsync(rebalancing: rebalancing));
        await nodes[0].DisposeAsync();
        nodes[0] = await StartAsync(rebalancing: rebalancing);
        await sending;

        for (var key = 0; key < 30; key++) await Steps.UntilAsync(() => nodes[1].View.GetAsync(Steps.Last, $"k{key}", Token), last => last == 300);
        Assert.Equal(0, await nodes[1].Parked.CountAsync(Token));
        foreach (var node in nodes) await node.DisposeAsync();
    }

    private Task<Node> StartAsync(Action<BrookBuilder>? handlers = null, Rebalancing rebalancing = Rebalancing.Cooperative) => Node.StartAsync(brook =>
    {
        brook.UseShared(_store).UseKafka(kafka.Server.BootstrapServers, k => k.Topic(_topic).Group($"{_topic}-view").Fast(rebalancing));
        if (handlers is null) brook.Count();
        else handlers(brook);
    });

    private Task<long> LowAsync() => Task.Run(() =>
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = kafka.Server.BootstrapServers, GroupId = "look" }).Build();
        return consumer.QueryWatermarkOffsets(new TopicPartition(_topic, 0), TimeSpan.FromSeconds(10)).Low.Value;
    });
}

/// <summary>One real Kafka for all tests that do not hurt it for good.</summary>
public sealed class RealKafka : IAsyncLifetime
{
    private KafkaServer? _server;

    /// <summary>Skips the test where there is none: it cannot be installed from a distribution's packages.</summary>
    public KafkaServer Server
    {
        get
        {
            Assert.SkipWhen(KafkaServer.WhyNot is not null, KafkaServer.WhyNot ?? "");
            return _server!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (KafkaServer.WhyNot is null) _server = await KafkaServer.StartAsync();
    }

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? default;
}
