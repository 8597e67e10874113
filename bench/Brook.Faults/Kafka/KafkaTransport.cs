using System.Globalization;
using System.Text;
using Brook.KafkaServers;
using Brook.Storage;
using Confluent.Kafka;
using MassTransit;

namespace Brook.Faults;

/// <summary>
/// The rider, on a bus in memory. Each trial has a cluster of its own: librdkafka's mock, in a process of its own. It does not look at an idempotent producer's sequence numbers, as brokers do.
/// Where answers are lost, the topic has some records twice, and it is Brook that must drop them (<see cref="BusFault.HasIds"/>); and with several requests under way a later one may come
/// before an earlier one that is sent again, which a broker would refuse: the producer has one at a time there.
/// </summary>
internal sealed class KafkaTransport : Transport
{
    private const int Session = 1500, Heartbeat = 100, Assignors = 3;

    public override string Name => "kafka";
    public override string Title => "Kafka";
    public override string? WhyNot => null;
    public override Feed Feed => Feed.Offsets;

    public override IReadOnlyList<Guard> Guards { get; } =
    [
        new("fence", "the lane's entry is not compared", "zombie", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection == "$lanes" ? entry with { Expected = null } : entry)),
        new("offset", "the next offset is not kept", "worker-killed", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection == "$lanes" ? entry with { Value = Guard.WithoutNext(entry.Value) } : entry)),
        new("event-ids", "ids that senders gave to events are not kept", "duplicate-produce", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection.StartsWith("$events", StringComparison.Ordinal) ? null : entry)),
        new("set-aside", "failed events are not kept", "poison", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection == "$parked" ? null : entry)),
    ];

    public override async Task<Place> OpenAsync(BusFault fault, CancellationToken cancellationToken)
    {
        var cluster = await MockKafkaProcess.StartAsync(1, new Dictionary<string, int> { [BusTrial.Stream] = fault.Partitions }, cancellationToken);
        await cluster.ConsumerHeartbeatAsync(Heartbeat, cancellationToken);
        await cluster.ConsumerSessionAsync(Session, cancellationToken);
        return new KafkaPlace(cluster, fault.Partitions);
    }

    /// <summary>How the group shares out partitions: trials take turns. From <see cref="Assignors"/> on the same with one request to produce at a time.</summary>
    public override int TuningOf(BusFault fault, int seed) => (seed % Assignors) + (fault.HasIds ? Assignors : 0);

    public override void AddTo(IBusRegistrationConfigurator bus, string broker, int tuning) => bus.UsingInMemory();

    /// <summary>Clients notice a lost broker, and the group a lost member, sooner than by default: a trial is to be short.</summary>
    public override void Configure(BrookBuilder brook, string broker, int tuning, int partitions)
        => brook.UseKafka(new ClientConfig { BootstrapServers = broker, ReconnectBackoffMs = 20, ReconnectBackoffMaxMs = 200 }, kafka => kafka.Topic(BusTrial.Stream).Group("faults-view").Producer(producer =>
        {
            if (tuning >= Assignors) producer.MaxInFlight = 1;
        }).Consumer(consumer =>
        {
            consumer.FetchWaitMaxMs = 10;
            if (Environment.GetEnvironmentVariable("BROOK_FAULTS_LOG") is not null) consumer.Debug = "cgrp";
            if (tuning % Assignors == 1) consumer.GroupProtocol = GroupProtocol.Consumer;                                                       // the broker decides
            else (consumer.SessionTimeoutMs, consumer.HeartbeatIntervalMs) = (Session, Heartbeat);                                  // partitions move one by one: what Brook takes by default
            if (tuning % Assignors == 2) consumer.PartitionAssignmentStrategy = PartitionAssignmentStrategy.RoundRobin;                         // everybody stops and begins again
        }));

    public override string? Hear(string message, IReadOnlyList<KeyValuePair<string, object?>> values) => message switch
    {
        "Revoked" => "handed 1",
        "LaneLeft" => "fenced",
        "LaneHalted" => "halted",
        _ => null,
    };

    public override ValueTask DisposeAsync() => default;
}

/// <summary>A cluster with a topic.</summary>
internal sealed class KafkaPlace : Place
{
    /// <summary>Instead of an error: the connection is cut.</summary>
    public const int Cut = -195;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly IConsumer<byte[], byte[]> _consumer;
    private readonly IProducer<byte[], byte[]> _producer;

    public KafkaPlace(MockKafkaProcess cluster, int partitions)
    {
        (Cluster, Partitions) = (cluster, partitions);
        _consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = Broker, GroupId = "looks on", EnableAutoCommit = false, EnablePartitionEof = true, FetchWaitMaxMs = 10, LogConnectionClose = false }).SetLogHandler((_, _) => { }).Build();
        _producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = Broker, LogConnectionClose = false }).SetLogHandler((_, _) => { }).Build();
    }

    public MockKafkaProcess Cluster { get; }
    public int Partitions { get; }
    public override string Broker => Cluster.BootstrapServers;

    /// <summary>To the end of the partition.</summary>
    public override Task<long> DoneAsync(BusTrial trial, int partition, CancellationToken cancellationToken) => Task.Run(() => _consumer.QueryWatermarkOffsets(At(partition), s_patience).High.Value, cancellationToken);

    /// <summary>Puts a record there that nobody has sent with Brook.</summary>
    public Task PublishAsync(int partition, byte[]? key, byte[]? value, CancellationToken cancellationToken) => _producer.ProduceAsync(At(partition), new Message<byte[], byte[]> { Key = key!, Value = value! }, cancellationToken);

    /// <summary>The topic has what was sent, in order, each event once; with ids, copies may come later.</summary>
    public override async Task CheckAsync(BusTrial trial, Check check, CancellationToken cancellationToken)
    {
        for (var p = 0; p < Partitions; p++)
        {
            var records = await ReadAsync(p, cancellationToken);
            var (found, sent) = (records.Select(trial.Recognise).OfType<Event>().Select(e => e.Data.N).ToList(), trial.SentTo(p).Select(e => e.Data.N).ToList());
            if (trial.HasIds) trial.Injected += Math.Max(0, found.Count - sent.Count);
            if (trial.HasIds) (found, sent) = ([.. found.Distinct()], [.. sent.Distinct()]);
            if (!found.SequenceEqual(sent)) check.Strange(string.Create(CultureInfo.InvariantCulture, $"partition {p} has {found.Count} events instead of {sent.Count}; {sent.Except(found).Count()} are missing, the first other one is at {found.Zip(sent).TakeWhile(pair => pair.First == pair.Second).Count()}"));
        }
    }

    public override async Task<string> DescribeAsync(IViewStore view, int partitions)
    {
        var text = new StringBuilder();
        try
        {
            for (var p = 0; p < partitions; p++) text.Append(CultureInfo.InvariantCulture, $"partition {p}: next {await Check.AtAsync(view, p, "next", CancellationToken.None)} of {await Task.Run(() => _consumer.QueryWatermarkOffsets(At(p), s_patience).High.Value)}\n");
        }
        catch (Exception e) when (e is KafkaException or BrookException or InvalidOperationException) { text.Append(e.Message); }
        return text.ToString();
    }

    public override async ValueTask DisposeAsync()
    {
        await Task.Run(() =>
        {
            _consumer.Dispose();
            _producer.Dispose();
        });
        await Cluster.DisposeAsync();
    }

    private Task<List<byte[]?>> ReadAsync(int partition, CancellationToken cancellationToken) => Task.Run(() =>
    {
        var values = new List<byte[]?>();
        _consumer.Assign(new TopicPartitionOffset(At(partition), 0));
        while (_consumer.Consume(s_patience) is { } record && !record.IsPartitionEOF) values.Add(record.Message.Value);
        _consumer.Unassign();
        return values;
    }, cancellationToken);

    private static TopicPartition At(int partition) => new(BusTrial.Stream, partition);
}
