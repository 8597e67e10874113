using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>What the broker knows of a partition: its topic's id, and where it begins and ends.</summary>
internal sealed class SourceOf(KafkaReader reader, LaneParts parts, TopicPartition partition)
{
    /// <summary>The topic as it is now.</summary>
    /// <exception cref="KafkaException">The broker does not answer, or has no such topic.</exception>
    public async Task<LaneSource> FindAsync(CancellationToken cancellationToken) => new(await TopicIds.OfAsync(reader.Client, partition.Topic, cancellationToken).ConfigureAwait(false), async token => await FirstAsync(token).ConfigureAwait(false));

    /// <summary>The first offset, and the one behind the last.</summary>
    public Task<(long Low, long High)> RangeAsync(CancellationToken cancellationToken) => AskAsync(() =>
    {
        var range = reader.Consumer.QueryWatermarkOffsets(partition, KafkaSettings.Patience);
        return (range.Low.Value, range.High.Value);
    }, cancellationToken);

    private async Task<long> FirstAsync(CancellationToken cancellationToken)
    {
        var start = parts.Settings.Start;
        if (start.OffsetOf is { } offsetOf) return Math.Max(0, offsetOf(partition.Topic, partition.Partition));
        if (start.Time is { } time)
        {
            var found = await AskAsync(() => reader.Consumer.OffsetsForTimes([new TopicPartitionTimestamp(partition, new Timestamp(time))], KafkaSettings.Patience)[0], cancellationToken).ConfigureAwait(false);
            if (found.Offset.Value >= 0) return found.Offset.Value;         // below that all records are older
            return (await RangeAsync(cancellationToken).ConfigureAwait(false)).High;
        }
        var (low, high) = await RangeAsync(cancellationToken).ConfigureAwait(false);
        return start == KafkaStart.Latest ? high : low;
    }

    /// <summary>The client's own calls wait on the calling thread.</summary>
    private static Task<T> AskAsync<T>(Func<T> ask, CancellationToken cancellationToken) => Task.Run(ask, cancellationToken);
}
