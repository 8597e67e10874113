using Brook.Lanes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Brook.MassTransit.Kafka;

/// <summary>What the broker says of the topics: now and then whether they are still those that were opened, and when somebody asks, where they end.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The semaphore has no handle; late callers may still use it.")]
internal sealed class SourceWatch(LaneParts parts, AssignedLanes lanes, Func<TopicIds> topics, IsolationLevel isolation)
{
    private readonly SemaphoreSlim _asking = new(1);
    private volatile bool _isClosed;

    /// <summary>Every partition of the topics, whoever has it, and where the broker says that it ends. What a transaction holds back is not there yet.</summary>
    /// <exception cref="KafkaException">The broker does not answer.</exception>
    public Task<IReadOnlyList<SourceLane>> LookAsync(CancellationToken cancellationToken) => Task.Run(AskAsync, CancellationToken.None).WaitAsync(cancellationToken);

    /// <summary>Ends the client, when nobody asks with it any more: who was not waited for may still do so.</summary>
    public void Close(Action client)
    {
        _asking.Wait(CancellationToken.None);
        try
        {
            _isClosed = true;
            client();
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <summary>There is a new client.</summary>
    public void Open() => _isClosed = false;

    private async Task<IReadOnlyList<SourceLane>> AskAsync()
    {
        await _asking.WaitAsync().ConfigureAwait(false);
        try { return _isClosed ? throw new ObjectDisposedException(nameof(KafkaReader), "The Kafka consumer has ended, or is being replaced by a new one.") : await EndsAsync().ConfigureAwait(false); }
        finally { _asking.Release(); }
    }

    private async Task<IReadOnlyList<SourceLane>> EndsAsync()
    {
        var partitions = parts.Settings.Topics.SelectMany(topic => PartitionsOf(topic.Name)).ToList();
        if (partitions.Count == 0) return [];
        var options = new ListOffsetsOptions { RequestTimeout = KafkaSettings.Patience, IsolationLevel = isolation };
        var found = await topics().Admin.ListOffsetsAsync([.. partitions.Select(partition => new TopicPartitionOffsetSpec { TopicPartition = partition, OffsetSpec = OffsetSpec.Latest() })], options).ConfigureAwait(false);
        return lanes.Known(found.ResultInfos.Select(info => info.TopicPartitionOffsetError));
    }

    /// <summary>Until the token is cancelled; it does not throw. A lane whose topic is another one is told.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(parts.Settings.LookAtTopics, parts.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            parts.Watch.Changed();                                  // the engine may hold a lane
            foreach (var topic in lanes.Copy().Where(lane => lane.SourceId is not null).GroupBy(lane => lane.Partition.Topic))
            {
                try
                {
                    var id = await topics().IdOfAsync(topic.Key, cancellationToken).ConfigureAwait(false);
                    foreach (var lane in topic.Where(lane => id is not null && lane.SourceId != id)) lane.SourceGone();
                }
                catch (KafkaException e) when (e.Error.Code is ErrorCode.UnknownTopicOrPart)
                {
                    foreach (var lane in topic) lane.SourceGone();
                }
                catch (Exception e) when (e is KafkaException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
                {
                    break;                                          // the broker is away, or the client
                }
            }
        }
    }

    private IEnumerable<TopicPartition> PartitionsOf(string topic) => topics().Admin.GetMetadata(topic, KafkaSettings.Patience).Topics
        .Where(found => found.Topic == topic).SelectMany(found => found.Partitions).Select(found => new TopicPartition(topic, found.PartitionId));
}
