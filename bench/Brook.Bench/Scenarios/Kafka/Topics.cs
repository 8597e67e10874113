using System.Globalization;
using System.Text;
using Brook.Bench.Scenarios.RabbitMq;
using Brook.KafkaServers;
using Confluent.Kafka;

namespace Brook.Bench.Scenarios.Kafka;

/// <summary>A topic that is full: the events of the rabbitmq scenario, by key.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Events">How many it has.</param>
/// <param name="All">Its last offsets.</param>
internal sealed record FullTopic(string Name, int Events, Receipt All)
{
    /// <summary>How many records of each partition Brook took together when it read the topic into Redis.</summary>
    public IReadOnlyList<int>[]? Batches { get; set; }
}

/// <summary>The topics of one run, each filled once: who reads has a group and a view of its own.</summary>
internal sealed class Topics(MockKafkaProcess cluster)
{
    public const int Partitions = 64;       // the mock cluster keeps 5 MB of each
    private readonly Dictionary<int, FullTopic> _full = [];
    private int _last;

    public string Servers => cluster.BootstrapServers;

    public async Task<FullTopic> OfAsync(int events) => _full.TryGetValue(events, out var topic) ? topic : _full[events] = await FillAsync(events);

    public async Task<string> CreateAsync()
    {
        var name = Unique("orders");
        await cluster.CreateTopicAsync(name, Partitions);
        return name;
    }

    public Task DeleteAsync(string name) => cluster.DeleteTopicAsync(name);

    public string Unique(string name) => string.Create(CultureInfo.InvariantCulture, $"{name}-{Interlocked.Increment(ref _last)}");

    /// <summary>As Brook configures its consumer, and how all of them are here.</summary>
    public ConsumerConfig Consumer(string? group = null) => Fast(new ConsumerConfig { BootstrapServers = Servers, GroupId = group ?? Unique("group"), AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = true, EnableAutoOffsetStore = false });

    /// <summary>The broker shares out the partitions (KIP-848), at its next heartbeat. The mock cluster answers late whoever waits for records, so nobody waits long; and who is faster than the client's queue is not held up for a second, as is its default: Brook sets that itself.</summary>
    public static ConsumerConfig Fast(ConsumerConfig config)
    {
        (config.GroupProtocol, config.FetchWaitMaxMs, config.FetchQueueBackoffMs) = (GroupProtocol.Consumer, 10, 10);
        return config;
    }

    /// <summary>As Brook configures its producer.</summary>
    public ProducerConfig Producer() => new() { BootstrapServers = Servers, EnableIdempotence = true, Acks = Acks.All, LingerMs = 1, Partitioner = Partitioner.Murmur2 };

    /// <summary>The mock cluster answers a fetch with one batch of each partition, where a broker answers with as many as there are, up to a megabyte: so batches are large, or readers would wait for it most of their time.</summary>
    private ProducerConfig Filler() => new(Producer()) { LingerMs = 500, BatchNumMessages = 10_000 };

    public static byte[] Key(int i) => Encoding.UTF8.GetBytes(RabbitLoad.Event(i).Key!);

    /// <summary>How many records a topic has.</summary>
    public long Count(string topic) => Offsets(topic).Sum(of => of.High - of.Low);

    private (long Low, long High)[] Offsets(string topic)
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(Consumer()).Build();
        return [.. Enumerable.Range(0, Partitions).Select(partition => consumer.QueryWatermarkOffsets(new TopicPartition(topic, partition), TimeSpan.FromSeconds(10))).Select(of => (of.Low.Value, of.High.Value))];
    }

    /// <summary>The records of each partition.</summary>
    public List<byte[]>[] Read(FullTopic topic)
    {
        var records = Array.ConvertAll(new int[Partitions], _ => new List<byte[]>());
        ReadAll(topic, record => records[record.Partition.Value].Add(record.Message.Value));
        return records;
    }

    /// <summary>The client and nothing else, in a group as anybody who reads a topic is.</summary>
    public void ReadAll(FullTopic topic, Action<ConsumeResult<byte[], byte[]>> seen)
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(Consumer()).Build();
        using (var admin = new DependentAdminClientBuilder(consumer.Handle).Build()) admin.GetMetadata(topic.Name, TimeSpan.FromSeconds(10));       // or it would ask, and look again after half a second
        consumer.Subscribe(topic.Name);
        for (var left = topic.Events; left > 0;)
        {
            if (consumer.Consume(TimeSpan.FromSeconds(10)) is not { } record) throw new InvalidOperationException($"{left} records of {topic.Name} did not come: no result.");
            seen(record);
            left--;
        }
        consumer.Close();
    }

    private async Task<FullTopic> FillAsync(int events)
    {
        var name = await CreateAsync();
        using (var producer = new ProducerBuilder<byte[], byte[]>(Filler()).Build()) await ProduceAsync(producer, name, 0, events, () => { });
        var offsets = await Task.Run(() => Offsets(name));
        if (offsets.Sum(of => of.High - of.Low) is var count && count != events) throw new InvalidOperationException($"{events} records were produced and {name} has {count}: no result.");
        return new(name, events, new([.. Enumerable.Range(0, Partitions).Where(partition => offsets[partition].High > 0).Select(partition => new ReceiptSpan(string.Create(CultureInfo.InvariantCulture, $"{name}/{partition}"), default, 0, offsets[partition].High - 1))]));
    }

    /// <summary>The client and nothing else: ends when the last record is confirmed. The client's thread and the one that waits for the end call back side by side.</summary>
    public static Task ProduceAsync(IProducer<byte[], byte[]> producer, string topic, int first, int events, Action confirmed) => Task.Run(() =>
    {
        Error? error = null;
        for (var i = first; i < first + events; i++)
        {
            var message = new Message<byte[], byte[]> { Key = Key(i), Value = RabbitLoad.Record(i).ToArray() };
            while (true)
            {
                try { producer.Produce(topic, message, Confirmed); break; }
                catch (ProduceException<byte[], byte[]> e) when (e.Error.Code is ErrorCode.Local_QueueFull) { Thread.Sleep(1); }
            }
        }
        producer.Flush();
        if (error is not null) throw new KafkaException(error);

        void Confirmed(DeliveryReport<byte[], byte[]> report)
        {
            if (report.Error.IsError) error = report.Error;
            else confirmed();
        }
    });
}
