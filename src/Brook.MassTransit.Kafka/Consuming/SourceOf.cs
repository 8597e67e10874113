using Brook.Lanes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Brook.MassTransit.Kafka;

/// <summary>What the broker knows of a partition: its topic's id, and where it begins and ends.</summary>
internal sealed class SourceOf(KafkaReader reader, LaneParts parts, TopicPartition partition)
{
    /// <summary>The topic as it is now.</summary>
    /// <exception cref="KafkaException">The broker does not answer, or has no such topic.</exception>
    public async Task<LaneSource> FindAsync(CancellationToken cancellationToken)
        => new(await reader.Topics.IdOfAsync(partition.Topic, cancellationToken).ConfigureAwait(false), async token => await FirstAsync(token).ConfigureAwait(false));

    /// <summary>The first offset, and the one behind the last.</summary>
    /// <exception cref="KafkaException">The broker does not answer.</exception>
    public async Task<(long Low, long High)> RangeAsync(CancellationToken cancellationToken)
        => (await OffsetAsync(OffsetSpec.Earliest(), cancellationToken).ConfigureAwait(false), await OffsetAsync(OffsetSpec.Latest(), cancellationToken).ConfigureAwait(false));

    private async Task<long> FirstAsync(CancellationToken cancellationToken)
    {
        var start = parts.Settings.Start;
        if (start.OffsetOf is { } offsetOf) return Math.Max(0, offsetOf(partition.Topic, partition.Partition));
        if (start.Time is { } time && await OffsetAsync(OffsetSpec.ForTimestamp(time.ToUnixTimeMilliseconds()), cancellationToken).ConfigureAwait(false) is >= 0 and var found) return found;
        return await OffsetAsync(start.Time is not null || start == KafkaStart.Latest ? OffsetSpec.Latest() : OffsetSpec.Earliest(), cancellationToken).ConfigureAwait(false);      // below 0: all records are older
    }

    private async Task<long> OffsetAsync(OffsetSpec which, CancellationToken cancellationToken)
    {
        var found = await reader.Topics.Admin.ListOffsetsAsync([new() { TopicPartition = partition, OffsetSpec = which }], new ListOffsetsOptions { RequestTimeout = KafkaSettings.Patience }).WaitAsync(cancellationToken).ConfigureAwait(false);
        var offset = found.ResultInfos[0].TopicPartitionOffsetError;
        return offset.Error.IsError ? throw new KafkaException(offset.Error) : offset.Offset.Value;
    }
}
