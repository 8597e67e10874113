using Brook.Lanes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// The consumer and its one thread: what arrives is given to the partitions' lanes, which work side by side, and what they want of the consumer is done here. It
/// polls whatever the lanes do, so that the group never takes it for dead. No rebalance waits for a lane: whoever gets the partition fences it.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "They have no timer and no handle; lanes may still use them at the end.")]
internal sealed class KafkaReader
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100), s_room = TimeSpan.FromMilliseconds(200), s_last = TimeSpan.FromMilliseconds(20), s_again = TimeSpan.FromSeconds(5);
    private const int Bursts = 4, OneByOne = 2000;
    private readonly LaneParts _parts;
    private readonly ConsumerConfig _config;
    private readonly Dictionary<TopicPartition, PartitionLane> _lanes = [];     // of the polling thread; read under its lock by others
    private readonly List<PartitionLane> _touched = [];
    private readonly ManualResetEventSlim _wake = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stopped = new(), _leaving = new();
    private readonly Dictionary<TopicPartition, Task> _former = [];             // lanes that were taken away and still finish what they have at work
    private readonly HashSet<ErrorCode> _said = [];
    private readonly HashSet<TopicPartition> _givenUp = [];                     // while records were fetched
    private IConsumer<byte[], byte[]> _consumer;
    private RecordQueue? _queue;            // null: records are taken one by one
    private volatile bool _stopping, _rebuild;
    private bool _closed, _isFetching;
    private Task _looking = Task.CompletedTask;
    private Task? _ending;

    public KafkaReader(LaneParts parts, ConsumerConfig config)
    {
        (_parts, _config) = (parts, config);
        _consumer = Build();
        _queue = OpenQueue();
        Topics = new(_consumer.Handle, parts.Time);
    }

    /// <summary>Its client, to ask the broker with.</summary>
    public Handle Client => _consumer.Handle;

    /// <summary>To ask the broker with.</summary>
    public TopicIds Topics { get; private set; }

    /// <summary>Why lanes stand still.</summary>
    public IReadOnlyList<string> Halted
    {
        get { lock (_lanes) return [.. _lanes.Values.Select(lane => lane.Halted).OfType<string>()]; }
    }

    /// <summary>How many partitions this process has.</summary>
    public int Assigned
    {
        get { lock (_lanes) return _lanes.Count; }
    }

    /// <summary>The partitions of this process, as far as it knows without asking.</summary>
    public IReadOnlyList<SourceLane> Lanes
    {
        get { lock (_lanes) return [.. _lanes.Values.Select(lane => new SourceLane(lane.Name) { Halted = lane.Halted })]; }
    }

    /// <summary>Every partition of the topics, whoever has it, and where the broker says that it ends. What a transaction holds back is not there yet.</summary>
    /// <exception cref="KafkaException">The broker does not answer.</exception>
    public async Task<IReadOnlyList<SourceLane>> LookAsync(CancellationToken cancellationToken)
    {
        var partitions = await Task.Run(() => _parts.Settings.Topics.SelectMany(topic => PartitionsOf(topic.Name)).ToList(), cancellationToken).ConfigureAwait(false);
        if (partitions.Count == 0) return [];
        var options = new ListOffsetsOptions { RequestTimeout = KafkaSettings.Patience, IsolationLevel = _config.IsolationLevel ?? IsolationLevel.ReadCommitted };
        var found = await Topics.Admin.ListOffsetsAsync([.. partitions.Select(partition => new TopicPartitionOffsetSpec { TopicPartition = partition, OffsetSpec = OffsetSpec.Latest() })], options).WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_lanes)
        {
            return [.. found.ResultInfos.Select(info => info.TopicPartitionOffsetError).Select(end => new SourceLane(WireContract.Lane(end.Topic, end.Partition))
            {
                IsHere = _lanes.ContainsKey(end.TopicPartition), Halted = _lanes.GetValueOrDefault(end.TopicPartition)?.Halted, End = end.Error.IsError ? null : end.Offset.Value,
            })];
        }
    }

    private IEnumerable<TopicPartition> PartitionsOf(string topic) => Topics.Admin.GetMetadata(topic, KafkaSettings.Patience).Topics
        .Where(found => found.Topic == topic).SelectMany(found => found.Partitions).Select(found => new TopicPartition(topic, found.PartitionId));

    public void Start()
    {
        new Thread(Run) { IsBackground = true, Name = $"brook-kafka {_parts.Settings.Group}" }.Start();
        _looking = Task.Run(LookAtTopicsAsync);
    }

    /// <summary>What is at work is finished, then the group is left; when the token is cancelled, at once. Never throws.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_said)
        {
            _stopping = true;
            _leaving.Cancel();
            _wake.Set();
            cancellationToken.UnsafeRegister(static stopped => ((CancellationTokenSource)stopped!).Cancel(), _stopped);
            return _ending ??= EndAsync();
        }
    }

    /// <summary>A lane has something for <see cref="PartitionLane.TryServe"/>, or room.</summary>
    public void Wake() => _wake.Set();

    /// <summary>The view has everything before the offset: for those who look at lag.</summary>
    public void Report(TopicPartition partition, long next)
    {
        try { _consumer.StoreOffset(new TopicPartitionOffset(partition, next)); }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.Local_State or ErrorCode.Local_UnknownPartition or ErrorCode.Local_Fatal) { }    // it is another's by now
        catch (ObjectDisposedException) { }
    }

    /// <summary>Whether the topics are still those that were opened.</summary>
    private async Task LookAtTopicsAsync()
    {
        while (!_stopping)
        {
            await Task.Delay(_parts.Settings.LookAtTopics, _parts.Time, _leaving.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _parts.Watch.Changed();                                 // the engine may hold a lane
            PartitionLane[] open;
            lock (_lanes) open = [.. _lanes.Values.Where(lane => lane.SourceId is not null)];
            foreach (var topic in open.GroupBy(lane => lane.Partition.Topic))
            {
                try
                {
                    var id = await Topics.IdOfAsync(topic.Key, _leaving.Token).ConfigureAwait(false);
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

    private void Run()
    {
        while (!_stopping)
        {
            try
            {
                if (_rebuild) Rebuild();
                DeliverFetched();                                   // what an error has left: before a lane is moved
                Serve();
                Poll();
            }
            catch (ConsumeException e) { Failed(e.ConsumerRecord?.TopicPartition, e.Error); }
            catch (Exception e)
            {
                Log.ReaderFails(_parts.Logger, _parts.Instance, e.Message, e);
                _leaving.Token.WaitHandle.WaitOne(s_room);          // not as fast as it can
            }
        }
        _ended.SetResult();
    }

    /// <summary>Waits for a record as Confluent.Kafka does, which throws what callbacks threw; then what else is there, many at a time.</summary>
    private void Poll()
    {
        try
        {
            if (_consumer.Consume(s_poll) is not { } record) return;
            Deliver(record);
            for (var i = 0; i < Bursts && Fetch(); i++) DeliverFetched();
            for (var i = 0; _queue is null && i < OneByOne && _consumer.Consume(TimeSpan.Zero) is { } next; i++) Deliver(next);
        }
        finally
        {
            Arrived();
        }
    }

    private bool Fetch()
    {
        if (_queue is null) return false;
        _isFetching = true;
        var any = _queue.Fetch();
        _isFetching = false;
        _givenUp.Clear();
        return any;
    }

    private void DeliverFetched()
    {
        if (_queue is not { HasMore: true } queue) return;
        try { while (queue.HasMore) Deliver(queue); }
        finally { Arrived(); }
    }

    private void Arrived()
    {
        foreach (var lane in _touched) lane.Arrived();
        _touched.Clear();
    }

    private void Deliver(ConsumeResult<byte[], byte[]> record)
    {
        if (!_lanes.TryGetValue(record.TopicPartition, out var lane)) return;
        lane.IsPlaced = true;
        if (record.IsPartitionEOF) lane.ReachedEnd(record.Offset.Value);
        else if (lane.Add(KafkaRecord.Of(record))) Touch(lane);
    }

    private void Deliver(RecordQueue queue)
    {
        var (topic, _, error) = queue.Next;
        var partition = topic == 0 ? null : queue.NextPartition;
        var lane = partition is null ? null : _lanes.GetValueOrDefault(partition);
        if (error is not ErrorCode.NoError)
        {
            var (offset, said) = queue.TakeError();
            if (error is not ErrorCode.Local_PartitionEOF) Failed(partition, said);
            if (error is not ErrorCode.Local_PartitionEOF || lane is null) return;
            lane.IsPlaced = true;
            lane.ReachedEnd(offset);
        }
        else if (lane is null) queue.Skip();
        else
        {
            lane.IsPlaced = true;
            if (lane.Add(queue)) Touch(lane);
        }
    }

    private void Touch(PartitionLane lane)
    {
        if (!lane.IsTouched) _touched.Add(lane);
        lane.IsTouched = true;
        _parts.Watch.Let();
        if (_parts.Room.IsFull) WaitForRoom();
    }

    /// <summary>A little, for to pause a partition throws away what its client has fetched; then those that still have something are paused, and the others go on.</summary>
    private void WaitForRoom()
    {
        Arrived();
        for (var until = Environment.TickCount64 + (long)s_room.TotalMilliseconds; _parts.Room.IsFull && !_stopping;)
        {
            _wake.Reset();
            if (_parts.Room.IsFull && until - Environment.TickCount64 is > 0 and var left) _wake.Wait((int)left);
            else if (_parts.Room.IsFull)
                foreach (var lane in _lanes.Values) lane.Pause(_consumer);
        }
        _wake.Set();                                                // it may have been for something else
    }

    /// <summary>What lanes want of the consumer. What cannot be done now is tried again with the next poll.</summary>
    private void Serve()
    {
        if (!_wake.IsSet) return;
        _wake.Reset();
        foreach (var lane in _lanes.Values)
        {
            try
            {
                if (!lane.TryServe(_consumer)) _wake.Set();
            }
            catch (KafkaException e)
            {
                _wake.Set();
                if (_said.Add(e.Error.Code)) Log.ReaderFails(_parts.Logger, _parts.Instance, e.Error.Reason, e);
            }
        }
    }

    private void Assign(List<TopicPartition> partitions)
    {
        if (_closed) return;
        Log.Assigned(_parts.Logger, _parts.Instance, _config.GroupId, partitions.Count);
        _said.Clear();
        _parts.Watch.Let();
        foreach (var partition in partitions)
        {
            _rebuild |= _givenUp.Contains(partition);               // what was fetched before that would be taken for the new lane's
            var lane = new PartitionLane(this, _parts, partition);
            lock (_lanes)
            {
                if (_lanes.Remove(partition, out var twice)) (_former[partition], _rebuild) = (twice.StopAsync(), _rebuild || _isFetching);
                _lanes[partition] = lane;
                lane.Start(_former.GetValueOrDefault(partition, Task.CompletedTask), _stopped.Token);
            }
        }
    }

    private void Revoke(IEnumerable<TopicPartition> partitions)
    {
        foreach (var partition in partitions)
        {
            lock (_lanes)
            {
                if (!_lanes.Remove(partition, out var lane)) continue;
                if (_isFetching) _givenUp.Add(partition);
                Log.Revoked(_parts.Logger, _parts.Instance, lane.Name);
                _former[partition] = lane.StopAsync();
            }
        }
    }

    private void Failed(TopicPartition? partition, Error error)
    {
        if (error.Code is ErrorCode.Local_AutoOffsetReset or ErrorCode.OffsetOutOfRange && partition is not null && _lanes.TryGetValue(partition, out var lane)) lane.OutOfRange();
        else if (error.Code is ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic or ErrorCode.Local_UnknownPartition or ErrorCode.UnknownTopicId)
        {
            foreach (var of in _lanes.Values.Where(of => partition is null || of.Partition.Topic == partition.Topic)) of.SourceGone();
            _parts.Watch.Doubt(error);
        }
        else Error(error);
    }

    private void Error(Error error)
    {
        if (error.IsFatal || error.Code == ErrorCode.Local_Fatal) _rebuild = true;
        if (error.Code is ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Resolve) _parts.Watch.Doubt(error);
        else if (error.Code is ErrorCode.Local_Authentication or ErrorCode.SaslAuthenticationFailed or ErrorCode.GroupAuthorizationFailed or ErrorCode.TopicAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed
            or ErrorCode.GroupMaxSizeReached or ErrorCode.InconsistentGroupProtocol or ErrorCode.InvalidSessionTimeout or ErrorCode.UnsupportedVersion or ErrorCode.FencedInstanceId) _parts.Watch.Refused(error);
        else if (error.Code is not ErrorCode.Local_Transport && _said.Add(error.Code)) Log.ReaderFails(_parts.Logger, _parts.Instance, error.Reason, null);
    }

    /// <summary>The client has given up for good: a new one takes over, and the lanes begin again.</summary>
    private void Rebuild()
    {
        Log.ReaderRebuilt(_parts.Logger, _parts.Instance);
        Revoke([.. _lanes.Keys]);
        if (_leaving.Token.WaitHandle.WaitOne(s_again)) return;     // lanes let go of the client meanwhile
        Close();
        _consumer = Build();
        _queue = OpenQueue();
        Topics = new(_consumer.Handle, _parts.Time);
        (_rebuild, _closed) = (false, false);
    }

    private async Task EndAsync()
    {
        await _ended.Task.ConfigureAwait(false);
        Task[] users;
        lock (_lanes) users = [.. _lanes.Values.Select(lane => lane.StopAsync()), .. _former.Values, _looking];
        await Task.WhenAll(users).ConfigureAwait(false);
        await _parts.Watch.Asking.ConfigureAwait(false);            // nobody uses the client any more
        await Task.Run(Close).ConfigureAwait(false);                // it tells the broker what the view has, and leaves the group
    }

    private void Close()
    {
        if (_closed) return;
        _closed = true;
        Topics.Dispose();
        _queue?.Dispose();
        try
        {
            Leave();
            _consumer.Close();
        }
        catch (KafkaException e) { Log.ReaderFails(_parts.Logger, _parts.Instance, e.Error.Reason, null); }
        _consumer.Dispose();
    }

    /// <summary>
    /// Gives the partitions back before the client closes. Nobody has polled while the lanes finished, so a revocation may be waiting: answered while the client closes, it asks a
    /// group that may have ended by then, and the native client waits for that answer for ever.
    /// </summary>
    private void Leave()
    {
        _consumer.Unsubscribe();
        for (var until = Environment.TickCount64 + (long)s_again.TotalMilliseconds; Environment.TickCount64 < until;)
        {
            try { if (_consumer.Consume(s_last) is null && Assigned == 0) return; }
            catch (ConsumeException) { }                            // it is not read any more
        }
    }

    /// <summary>A callback runs inside the native client: what it throws would come up with a later call, and partitions would be without a lane until then.</summary>
    private void Guarded(Action change)
    {
        try { change(); }
        catch (Exception e)
        {
            _rebuild = true;
            Log.ReaderFails(_parts.Logger, _parts.Instance, e.Message, e);
        }
    }

    private RecordQueue? OpenQueue()
    {
        var whyNot = _parts.Settings.OneByOneBecause;
        var queue = whyNot is null ? RecordQueue.Open(_consumer.Handle, out whyNot) : null;
        if (whyNot is not null) Log.OneByOne(_parts.Logger, _parts.Instance, whyNot);
        return queue;
    }

    private IConsumer<byte[], byte[]> Build()
    {
        try
        {
            var consumer = new ConsumerBuilder<byte[], byte[]>(_config)
                .SetPartitionsAssignedHandler((_, partitions) =>
                {
                    Guarded(() => Assign(partitions));
                    return partitions.Select(partition => new TopicPartitionOffset(partition, Offset.End));     // each lane moves there once it knows where the view stands
                })
                .SetPartitionsRevokedHandler((_, partitions) => Guarded(() => Revoke(partitions.Select(partition => partition.TopicPartition))))
                .SetPartitionsLostHandler((_, partitions) => Guarded(() => Revoke(partitions.Select(partition => partition.TopicPartition))))
                .SetErrorHandler((_, error) => Error(error))
                .SetLogHandler((_, message) => Log.Client(_parts.Logger, message))
                .Build();
            consumer.Subscribe(_parts.Settings.Topics.Select(topic => topic.Name));
            return consumer;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new BrookException($"The Kafka consumer of Brook instance '{_parts.Instance}' cannot be made: {e.Message}", e);
        }
    }
}
