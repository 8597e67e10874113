using Confluent.Kafka;

namespace Brook.KafkaServers.Tests;

/// <summary>Clients as tests need them: soon there, soon gone, and with a deadline.</summary>
internal static class Kafka
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);

    public static IProducer<string, string> Producer(string servers)
        => new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = servers, LingerMs = 0, ReconnectBackoffMs = 10, ReconnectBackoffMaxMs = 100, MessageTimeoutMs = 20_000 }).SetLogHandler((_, _) => { }).Build();

    public static IConsumer<string, string> Consumer(string servers, GroupProtocol protocol = GroupProtocol.Classic)
        => new ConsumerBuilder<string, string>(new ConsumerConfig
        {
            GroupProtocol = protocol,
            BootstrapServers = servers,
            GroupId = "group",
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnableAutoCommit = false,
            FetchWaitMaxMs = 10,
            SessionTimeoutMs = protocol == GroupProtocol.Classic ? 1500 : null,     // the broker sets it for the newer one
            HeartbeatIntervalMs = protocol == GroupProtocol.Classic ? 100 : null,
            ReconnectBackoffMs = 10,
            ReconnectBackoffMaxMs = 100,
        }).SetLogHandler((_, _) => { }).Build();

    public static async Task<DeliveryResult<string, string>> ProduceAsync(string servers, string topic, string key, string value)
    {
        using var producer = Producer(servers);
        return await producer.ProduceAsync(topic, new() { Key = key, Value = value }, TestContext.Current.CancellationToken);
    }

    /// <summary>The first messages of a topic, in the order of arrival; fails when there are fewer in time.</summary>
    public static IReadOnlyList<ConsumeResult<string, string>> Consume(string servers, string topic, int count)
    {
        using var consumer = Consumer(servers);
        consumer.Subscribe(topic);
        var messages = consumer.Take(count);
        consumer.Close();
        return messages;
    }

    public static IReadOnlyList<ConsumeResult<string, string>> Take(this IConsumer<string, string> consumer, int count)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(s_deadline);
        var messages = new List<ConsumeResult<string, string>>();
        try { while (messages.Count < count) messages.Add(consumer.Consume(deadline.Token)); }
        catch (OperationCanceledException) { Assert.Fail($"Of {count} messages {messages.Count} came within {s_deadline}."); }
        return messages;
    }

    public static IReadOnlyList<TopicMetadata> Topics(string servers)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = servers }).Build();
        return admin.GetMetadata(s_deadline).Topics;
    }
}
