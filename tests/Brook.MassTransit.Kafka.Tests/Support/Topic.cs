using System.Text;
using Brook.KafkaServers;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka.Tests.Support;

/// <summary>A cluster with one topic, 'stream', and somebody who writes to it without Brook.</summary>
internal sealed class Topic : IDisposable
{
    private readonly IProducer<byte[]?, byte[]?> _producer;

    public Topic(int partitions = 1, int brokers = 1)
    {
        Cluster = new MockKafkaCluster(brokers);
        Cluster.CreateTopic("stream", partitions);
        _producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = Cluster.BootstrapServers, LingerMs = 0 }).SetLogHandler(static (_, _) => { }).Build();
    }

    public MockKafkaCluster Cluster { get; }

    public string Servers => Cluster.BootstrapServers;

    /// <summary>Steps of a key as Brook writes them.</summary>
    public async Task StepsAsync(string key, int from, int to, int partition = 0)
    {
        for (var number = from; number <= to; number++) await WriteAsync(key, $$$"""{"type":"step","author":"x","create_ts":1,"key":"{{{key}}}","data":{"number":{{{number}}}}}""", partition);
    }

    public async Task<long> WriteAsync(string? key, string? value, int partition = 0, Headers? headers = null, string topic = "stream")
        => (await _producer.ProduceAsync(new TopicPartition(topic, partition), new Message<byte[]?, byte[]?> { Key = Bytes(key), Value = Bytes(value), Headers = headers }, TestContext.Current.CancellationToken)).Offset;

    /// <summary>A record whose batch the client compresses, however large it is before.</summary>
    public async Task WriteCompressedAsync(string? key, byte[] value, CompressionType compression)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = Servers, LingerMs = 0, CompressionType = compression, MessageMaxBytes = 100_000_000 }).SetLogHandler(static (_, _) => { }).Build();
        await producer.ProduceAsync(new TopicPartition("stream", 0), new Message<byte[]?, byte[]?> { Key = Bytes(key), Value = value }, TestContext.Current.CancellationToken);
    }

    /// <summary>The first record of the topic as text.</summary>
    public (string? Key, string? Value) First()
    {
        using var consumer = new ConsumerBuilder<string, string>(new ConsumerConfig { BootstrapServers = Servers, GroupId = "look" }).Build();
        consumer.Assign(new TopicPartitionOffset("stream", 0, Offset.Beginning));
        var record = consumer.Consume(TestContext.Current.CancellationToken);
        return (record.Message.Key, record.Message.Value);
    }

    /// <summary>Many at once.</summary>
    public void Write(int count, Func<int, (string Key, string Value)> record, int partition = 0)
    {
        for (var i = 0; i < count; i++) _producer.Produce(new TopicPartition("stream", partition), new Message<byte[]?, byte[]?> { Key = Bytes(record(i).Key), Value = Bytes(record(i).Value) });
        _producer.Flush(TestContext.Current.CancellationToken);
    }

    /// <summary>What the group has told the broker.</summary>
    public async Task<long> CommittedAsync(string group, int partition = 0)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Servers }).Build();
        var found = await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(group, [new TopicPartition("stream", partition)])]);
        return found[0].Partitions[0].Offset.Value;
    }

    public void Dispose()
    {
        _producer.Dispose();
        Cluster.Dispose();
    }

    private static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);
}
