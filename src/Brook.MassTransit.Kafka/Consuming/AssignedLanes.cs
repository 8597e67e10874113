using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>The lanes of the partitions that the group has given to this process. Changed by the polling thread alone, which may read without the lock; others read copies.</summary>
internal sealed class AssignedLanes
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TopicPartition, PartitionLane> _lanes = [];
    private readonly Dictionary<TopicPartition, Task> _former = [];     // lanes that were taken away and still finish what they have at work

    /// <summary>Of the polling thread.</summary>
    public IReadOnlyCollection<PartitionLane> All => _lanes.Values;

    public int Count
    {
        get { lock (_lock) return _lanes.Count; }
    }

    /// <summary>Of the polling thread.</summary>
    public PartitionLane? Find(TopicPartition partition) => _lanes.GetValueOrDefault(partition);

    public PartitionLane[] Copy()
    {
        lock (_lock) return [.. _lanes.Values];
    }

    /// <summary>Starts the partition's lane when whoever had it before, in this process, has ended. True: it had one still, which is stopped.</summary>
    /// <param name="lane">Not started yet.</param>
    /// <param name="stopped">The stop cannot wait any longer.</param>
    public bool Add(PartitionLane lane, CancellationToken stopped)
    {
        lock (_lock)
        {
            var twice = _lanes.Remove(lane.Partition, out var before);
            if (twice) _former[lane.Partition] = before!.StopAsync();
            _lanes[lane.Partition] = lane;
            lane.Start(_former.GetValueOrDefault(lane.Partition, Task.CompletedTask), stopped);
            return twice;
        }
    }

    /// <summary>Stops the partition's lane; nobody waits for it. Null: it has none.</summary>
    public PartitionLane? Remove(TopicPartition partition)
    {
        lock (_lock)
        {
            if (_lanes.Remove(partition, out var lane)) _former[partition] = lane.StopAsync();
            return lane;
        }
    }

    /// <summary>Stops all, and ends when these and all former ones have.</summary>
    public Task StopAsync()
    {
        lock (_lock) return Task.WhenAll([.. _lanes.Values.Select(lane => lane.StopAsync()), .. _former.Values]);
    }

    /// <summary>As far as this process knows without asking.</summary>
    public IReadOnlyList<SourceLane> Known() => [.. Copy().Select(lane => new SourceLane(lane.Name) { Halted = lane.Halted })];

    /// <summary>With the ends that the broker tells.</summary>
    public IReadOnlyList<SourceLane> Known(IEnumerable<TopicPartitionOffsetError> ends)
    {
        lock (_lock)
        {
            return [.. ends.Select(end => new SourceLane(WireContract.Lane(end.Topic, end.Partition))
            {
                IsHere = _lanes.ContainsKey(end.TopicPartition), Halted = _lanes.GetValueOrDefault(end.TopicPartition)?.Halted, End = end.Error.IsError ? null : end.Offset.Value,
            })];
        }
    }
}
