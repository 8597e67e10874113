using Brook.MassTransit.Kafka;
using Confluent.Kafka;

namespace Brook;

/// <summary>What an instance reads and sends on Kafka. Not thread safe; not used after the callback.</summary>
public sealed class KafkaBuilder
{
    private readonly ClientConfig _client;
    private readonly List<KafkaTopic> _topics = [];
    private readonly List<Action<ConsumerConfig>> _consumer = [];
    private readonly List<Action<ProducerConfig>> _producer = [];
    private string? _group, _sendTo, _forwardTopic;
    private KafkaStart _start = KafkaStart.Earliest;
    private ElixirFormat _elixir;

    internal KafkaBuilder(ClientConfig client) => _client = client;

    /// <summary>For tests of what happens where the native client is not the package's.</summary>
    internal string? OneByOneBecause { get; set; }

    /// <summary>Adds a topic to read. The first one is also what is sent to, unless <see cref="SendTo"/> says otherwise.</summary>
    /// <param name="name">The topic.</param>
    /// <param name="eventType">Every record's value is the data of an event of this type, as MassTransit's raw JSON; default: a record says itself what it is.</param>
    /// <param name="tombstoneType">A record without a value is an event of this type, with the record's key and <c>null</c> as its data; default: it is passed over, counted, and said once.</param>
    public KafkaBuilder Topic(string name, string? eventType = null, string? tombstoneType = null)
    {
        _topics.Add(new KafkaTopic(name, eventType, tombstoneType));
        return this;
    }

    /// <summary>The topic that is sent to. Default: the first one read.</summary>
    public KafkaBuilder SendTo(string topic)
    {
        _sendTo = topic;
        return this;
    }

    /// <summary>The consumer group that shares out the partitions. It must be named by whoever reads: services with one name each get a part of the events. With <see cref="BrookBuilder.UseInMemory"/> per node each process has one of its own.</summary>
    public KafkaBuilder Group(string name)
    {
        _group = name;
        return this;
    }

    /// <summary>Where a partition begins that the view has nothing of. Default: <see cref="KafkaStart.Earliest"/>. Later on the position kept with the view counts alone.</summary>
    public KafkaBuilder StartFrom(KafkaStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        _start = start;
        return this;
    }

    /// <summary>Events are written as Brook for Elixir writes them, so that it can read them; ids and keys go into headers, which it does not look at. Its own events are read in any case.</summary>
    public KafkaBuilder ForElixirBrook(ElixirFormat format = ElixirFormat.BrookSerde)
    {
        _elixir = format;
        return this;
    }

    /// <summary>The topic on which nodes tell each other of applied events (<c>brook.ForwardToAllNodes()</c>). Default: <c>TOPIC.INSTANCE.forward</c>. It is not created here when the broker does not do so by itself.</summary>
    public KafkaBuilder ForwardTopic(string name)
    {
        _forwardTopic = name;
        return this;
    }

    /// <summary>Changes the consumer's configuration. What Brook rests on cannot be changed: group.id, enable.auto.commit, enable.auto.offset.store, auto.offset.reset, enable.partition.eof.</summary>
    public KafkaBuilder Consumer(Action<ConsumerConfig> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        _consumer.Add(configure);
        return this;
    }

    /// <summary>Changes the producer's configuration. What Brook rests on cannot be changed: enable.idempotence, acks.</summary>
    public KafkaBuilder Producer(Action<ProducerConfig> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        _producer.Add(configure);
        return this;
    }

    internal KafkaSettings Build()
    {
        var consumer = new ConsumerConfig(new Dictionary<string, string>(_client));
        foreach (var configure in _consumer) configure(consumer);
        var producer = new ProducerConfig(new Dictionary<string, string>(_client));
        foreach (var configure in _producer) configure(producer);
        return new KafkaSettings(_topics, _sendTo ?? _topics.FirstOrDefault()?.Name ?? "", _group, _start, _elixir, _forwardTopic, consumer, producer) { OneByOneBecause = OneByOneBecause }.Validated();
    }
}

/// <summary>How Brook for Elixir serializes events.</summary>
public enum ElixirFormat
{
    /// <summary>Not at all: events are written as Brook for .NET writes them.</summary>
    None,

    /// <summary>With Brook.Serde, its default.</summary>
    BrookSerde,

    /// <summary>With JsonSerde, or Brook.Legacy.</summary>
    JsonSerde,
}
