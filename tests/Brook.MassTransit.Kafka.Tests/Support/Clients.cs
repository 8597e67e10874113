using Confluent.Kafka;

namespace Brook.MassTransit.Kafka.Tests.Support;

/// <summary>How groups agree on who has which partition.</summary>
public enum Rebalancing
{
    /// <summary>KIP-848: the broker decides.</summary>
    Broker,

    /// <summary>Partitions move one by one.</summary>
    Cooperative,

    /// <summary>Everybody stops and begins again.</summary>
    Eager,
}

/// <summary>Clients that notice things fast: tests do not wait for a broker's defaults.</summary>
internal static class Clients
{
    public static KafkaBuilder Fast(this KafkaBuilder kafka, Rebalancing rebalancing = Rebalancing.Broker) => kafka.Consumer(consumer =>
    {
        consumer.FetchWaitMaxMs = 10;
        consumer.TopicMetadataRefreshIntervalMs = 1000;
        if (rebalancing == Rebalancing.Broker)
        {
            consumer.GroupProtocol = GroupProtocol.Consumer;
            return;
        }
        (consumer.SessionTimeoutMs, consumer.HeartbeatIntervalMs) = (1500, 100);
        if (rebalancing == Rebalancing.Eager) consumer.PartitionAssignmentStrategy = PartitionAssignmentStrategy.RoundRobin;
    });
}
