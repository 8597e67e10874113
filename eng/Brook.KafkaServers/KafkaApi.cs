namespace Brook.KafkaServers;

/// <summary>Kafka's numbers of kinds of requests, for <see cref="MockKafkaCluster.PushErrors"/> and <see cref="MockKafkaCluster.Requests"/>.</summary>
public static class KafkaApi
{
    /// <summary>Messages to be written.</summary>
    public const short Produce = 0;

    /// <summary>Messages to be read.</summary>
    public const short Fetch = 1;

    /// <summary>The first, the last or another offset of a partition.</summary>
    public const short ListOffsets = 2;

    /// <summary>Brokers, topics, and who leads a partition.</summary>
    public const short Metadata = 3;

    /// <summary>Offsets of a group to be kept.</summary>
    public const short OffsetCommit = 8;

    /// <summary>Offsets that a group has kept.</summary>
    public const short OffsetFetch = 9;

    /// <summary>Which broker looks after a group.</summary>
    public const short FindCoordinator = 10;

    /// <summary>A member comes into a group, or takes part in sharing anew.</summary>
    public const short JoinGroup = 11;

    /// <summary>A member is alive.</summary>
    public const short Heartbeat = 12;

    /// <summary>A member goes.</summary>
    public const short LeaveGroup = 13;

    /// <summary>Who has which partitions.</summary>
    public const short SyncGroup = 14;

    /// <summary>An idempotent producer asks for its number.</summary>
    public const short InitProducerId = 22;

    /// <summary>A member of a group of the newer protocol (KIP-848) is alive.</summary>
    public const short ConsumerGroupHeartbeat = 68;
}
