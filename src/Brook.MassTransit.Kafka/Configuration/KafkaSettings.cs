using System.Globalization;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>A topic that is read.</summary>
internal sealed record KafkaTopic(string Name, string? EventType, string? TombstoneType);

/// <summary>What the setup's verbs leave, checked.</summary>
internal sealed record KafkaSettings(IReadOnlyList<KafkaTopic> Topics, string SendTo, string? Group, KafkaStart Start, ElixirFormat Elixir, string? ForwardTopic, ConsumerConfig Consumer, ProducerConfig Producer)
{
    private static readonly string[] s_consumersOwn = ["group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "enable.partition.eof", "dotnet.consumer.consume.result.fields"], s_producersOwn = ["enable.idempotence", "acks"];

    /// <summary>Why records are not taken many at a time; null: they are, where they can be.</summary>
    public string? OneByOneBecause { get; init; }

    /// <summary>How long the broker may take to answer what is asked of it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <exception cref="BrookException">With every error there is.</exception>
    public KafkaSettings Validated()
    {
        var errors = new List<string>();
        if (SendTo.Length == 0) errors.Add("There is no topic. Add one: kafka.Topic(\"orders\").");
        foreach (var name in Topics.Select(topic => topic.Name).Append(SendTo).Where(name => name.Length > 0).Distinct()) CheckName(name);
        if (Topics.GroupBy(topic => topic.Name).FirstOrDefault(topic => topic.Count() > 1) is { } twice) errors.Add($"Topic '{twice.Key}' was added twice.");
        if (Group is not null && string.IsNullOrWhiteSpace(Group)) errors.Add("The group's name is empty.");
        if (string.IsNullOrWhiteSpace(Consumer.BootstrapServers)) errors.Add("There is no broker: set bootstrap.servers to host:port.");
        foreach (var name in s_consumersOwn.Where(name => Has(Consumer, name))) errors.Add($"The consumer's {name} is '{Consumer.Get(name)}', and Brook sets it: where to read on is kept with the view. Leave it out{(name == "group.id" ? " and name the group with kafka.Group(...)" : "")}.");
        foreach (var name in s_producersOwn.Where(name => Has(Producer, name))) errors.Add($"The producer's {name} is '{Producer.Get(name)}', and Brook sets it: order and once rest on it. Leave it out.");
        return errors.Count == 0 ? this : throw new BrookException($"The Kafka setup is not valid:{string.Concat(errors.Select(error => $"\n  - {error}"))}");

        void CheckName(string name)
        {
            if (name.Length > 249 || name is "." or ".." || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
                errors.Add(string.Create(CultureInfo.InvariantCulture, $"The topic name '{Names.Show(name)}' is none that Kafka takes: 1 to 249 letters, digits, '-', '_' and '.'."));
        }
    }

    /// <summary>How often to see whether the topics are still the same: every 5 s, or as often as the client renews what it knows of them.</summary>
    public TimeSpan LookAtTopics => TimeSpan.FromMilliseconds(Math.Min(5000, Consumer.TopicMetadataRefreshIntervalMs is > 0 and var often ? often : 5000));

    /// <summary>How a topic's records are read.</summary>
    /// <param name="topic">One of those that are read.</param>
    /// <param name="types">The event types of MassTransit's messages, by their urns.</param>
    /// <param name="maxBytes">Of a record that is looked into.</param>
    public RecordFormat FormatOf(string topic, IReadOnlyDictionary<string, string> types, int maxBytes)
    {
        var of = Topics.First(known => known.Name == topic);
        return new() { Elixir = Elixir, EventType = of.EventType, TombstoneType = of.TombstoneType, TypeOfMessage = urn => types.GetValueOrDefault(urn), MaxBytes = maxBytes, RemembersMessageIds = true };
    }

    /// <summary>The consumer of the instance's topics.</summary>
    /// <param name="node">Names the process, when each has the whole view.</param>
    public ConsumerConfig ReaderConfig(string? node)
    {
        var config = new ConsumerConfig(new Dictionary<string, string>(Consumer))
        {
            GroupId = node is null ? Group : $"{Group}.{node}",
            EnableAutoOffsetStore = false, EnableAutoCommit = true,     // the broker is told what the view has, for those who look at lag; nothing is decided by it
            AutoOffsetReset = AutoOffsetReset.Error,                    // never jumps
            EnablePartitionEof = true,
        };
        config.FetchQueueBackoffMs ??= 10;                          // with the client's own second, who reads what it has queued in less stands still for the rest
        if (!Has(config, "partition.assignment.strategy") && config.GroupProtocol is not GroupProtocol.Consumer) config.PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky;
        return config;
    }

    /// <summary>A consumer of what other nodes forward, without a group.</summary>
    public ConsumerConfig ForwardConfig(string node) => new(new Dictionary<string, string>(Consumer))
    {
        GroupId = $"{Group}.forward.{node}", EnableAutoCommit = false, EnableAutoOffsetStore = false, AutoOffsetReset = AutoOffsetReset.Latest, AllowAutoCreateTopics = true,
    };

    public ProducerConfig SenderConfig()
    {
        var config = new ProducerConfig(new Dictionary<string, string>(Producer)) { EnableIdempotence = true, Acks = Acks.All };
        config.LingerMs ??= 1;
        config.Partitioner ??= Partitioner.Murmur2;                     // as Kafka's own clients; events without a key all in one partition
        return config;
    }

    private static bool Has(ClientConfig config, string name) => config.Any(setting => setting.Key == name);
}
