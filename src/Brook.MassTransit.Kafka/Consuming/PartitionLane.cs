using System.Globalization;
using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// One partition while this process has it. Records arrive on the reader's thread; what has arrived when the lane is free goes along the path of an event
/// together (Brook.Lanes.Lane), on a thread of its own.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The token source has no timer and no handle; late callers may still cancel it.")]
internal sealed class PartitionLane(KafkaReader reader, LaneParts parts, TopicPartition partition)
{
    private const int MaxRecords = 1_000, MaxBytes = 16 * 1024 * 1024;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);
    private readonly Lock _lock = new();
    private readonly KafkaTopic _topic = parts.Settings.Topics.First(topic => topic.Name == partition.Topic);
    private readonly SourceOf _source = new(reader, parts, partition);
    private readonly CancellationTokenSource _gone = new();
    private List<ConsumeResult<byte[], byte[]>> _arrived = [], _taken = [];
    private EventEnvelope[] _events = new EventEnvelope[64];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _running = Task.CompletedTask;
    private Lane? _lane;
    private long _seekTo = -1, _bytes;
    private bool _paused, _wantsResume, _isOpen, _sourceGone, _outOfRange, _saidTombstone;
    private volatile bool _stopping;
    private volatile string? _halted;

    public TopicPartition Partition => partition;

    public string Name { get; } = WireContract.Lane(partition.Topic, partition.Partition);

    /// <summary>Why it stands still; null: it does not.</summary>
    public string? Halted => _halted ?? _lane?.Halted;

    /// <summary>The reader has told it of records that <see cref="Arrived"/> has not said yet.</summary>
    public bool IsTouched { get; set; }

    public bool IsFull
    {
        get { lock (_lock) return !_paused && (_arrived.Count >= MaxRecords || _bytes >= MaxBytes); }
    }

    /// <param name="former">Ends with who had the partition before, in this process.</param>
    /// <param name="stopped">The stop cannot wait any longer.</param>
    public void Start(Task former, CancellationToken stopped) => _running = Task.Run(() => RunAsync(former, stopped), CancellationToken.None);

    /// <summary>Takes no more, and finishes what is at work. Never throws.</summary>
    public Task StopAsync()
    {
        _stopping = true;
        if (Halted is not null || !_isOpen) _gone.Cancel();         // it waits for somebody to act, or for the store
        Arrived();
        return _running;
    }

    /// <summary>False: it is not read at present; the record comes again.</summary>
    public bool Add(ConsumeResult<byte[], byte[]> record)
    {
        lock (_lock)
        {
            if (!_isOpen || _stopping || _seekTo >= 0) return false;
            _arrived.Add(record);
            _bytes += record.Message.Value?.Length ?? 0;
            return true;
        }
    }

    /// <summary>Wakes the lane.</summary>
    public void Arrived()
    {
        IsTouched = false;
        Volatile.Read(ref _more).TrySetResult();
    }

    public void Paused()
    {
        lock (_lock) _paused = true;
    }

    /// <summary>The broker has no such offset.</summary>
    public void OutOfRange()
    {
        lock (_lock) _outOfRange = true;
        Arrived();
    }

    /// <summary>The topic went away: should it come back, it may be another one.</summary>
    public void SourceGone()
    {
        lock (_lock) _sourceGone = true;
        Arrived();
    }

    /// <summary>Does on the reader's thread what the lane wants of the consumer. False: it cannot be done yet.</summary>
    public bool TryServe(IConsumer<byte[], byte[]> consumer)
    {
        lock (_lock)
        {
            try
            {
                if (_seekTo >= 0)
                {
                    consumer.Seek(new TopicPartitionOffset(partition, _seekTo));
                    (_seekTo, _bytes) = (-1, 0);
                    _arrived.Clear();
                }
                if (_wantsResume)
                {
                    consumer.Resume([partition]);
                    (_wantsResume, _paused) = (false, false);
                }
                return true;
            }
            catch (KafkaException e) when (e.Error.Code is ErrorCode.Local_State or ErrorCode.Local_TimedOut or ErrorCode.Local_UnknownPartition or ErrorCode.Local_InProgress)
            {
                return false;
            }
        }
    }

    private async Task RunAsync(Task former, CancellationToken stopped)
    {
        using var _ = stopped.UnsafeRegister(static gone => ((CancellationTokenSource)gone!).Cancel(), _gone);
        try
        {
            await former.ConfigureAwait(false);
            while (!_stopping)
            {
                if (_lane is null) await OpenAsync().ConfigureAwait(false);
                await MoreAsync().ConfigureAwait(false);
                if (_stopping || await MustCloseAsync().ConfigureAwait(false)) continue;
                if (!TakeArrived()) continue;
                await ProcessAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            // what is not in the view is read again by whoever has the partition
        }
        catch (Exception error)
        {
            Log.LaneEnds(parts.Logger, parts.Instance, Name, error);
        }
        finally
        {
            await CloseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Claims the lane and has the consumer go where the view stands.</summary>
    private async Task OpenAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var source = await _source.FindAsync(_gone.Token).ConfigureAwait(false);
                _lane = await parts.Engine.OpenLaneAsync(Name, source, _gone.Token).ConfigureAwait(false);
                GoTo(_lane.NextOffset);
                return;
            }
            catch (SourceChangedException error)
            {
                await HaltAsync(error.Message).ConfigureAwait(false);
            }
            catch (Exception error) when (!_gone.IsCancellationRequested)
            {
                if (attempt is 1 or 10 || attempt % 100 == 0) Log.LaneFails(parts.Logger, parts.Instance, Name, attempt, error);
                await Task.Delay(s_pause, parts.Time, _gone.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task MoreAsync()
    {
        lock (_lock)
            if (_arrived.Count > 0 || _outOfRange || _sourceGone) return;
        await _more.Task.WaitAsync(_gone.Token).ConfigureAwait(false);
        Volatile.Write(ref _more, new(TaskCreationOptions.RunContinuationsAsynchronously));
    }

    private async ValueTask<bool> MustCloseAsync()
    {
        bool outOfRange, sourceGone;
        lock (_lock)
        {
            (outOfRange, sourceGone) = (_outOfRange, _sourceGone);
            _outOfRange = _sourceGone = false;
        }
        if (!outOfRange && !sourceGone) return false;
        var next = _lane!.NextOffset;
        await CloseAsync().ConfigureAwait(false);
        if (!outOfRange) return true;                               // opened again, it is compared with what is there now
        var source = await _source.FindAsync(_gone.Token).ConfigureAwait(false);
        var (low, high) = await _source.RangeAsync(_gone.Token).ConfigureAwait(false);
        await HaltAsync(string.Create(CultureInfo.InvariantCulture, $"the view has read {Name} up to offset {next:N0}, and the broker has {low:N0} to {high - 1:N0}{(source.Id is null ? "" : $" of topic {source.Id}")}: {(next < low ? "records were removed before they were read (retention), so the view would miss them" : "the topic has lost what the view has, or was made anew")}. Give the topic a view of its own and build it anew, or set the lane's entry to an offset that is there if the gap is acceptable")).ConfigureAwait(false);
        return true;
    }

    private bool TakeArrived()
    {
        lock (_lock)
        {
            (_arrived, _taken) = (_taken, _arrived);
            _bytes = 0;
            if (!_paused || _wantsResume) return _taken.Count > 0;
            _wantsResume = true;
        }
        reader.Wake();
        return _taken.Count > 0;
    }

    private async Task ProcessAsync()
    {
        reader.Wake();                                              // there is room
        var observed = new BatchObservation(parts.Endpoint, Name, _taken.Count);
        try
        {
            await observed.BeforeAsync().ConfigureAwait(false);
            var result = await _lane!.ProcessAsync(Envelopes(), _gone.Token).ConfigureAwait(false);
            await observed.AfterAsync().ConfigureAwait(false);
            if (result.Outcome == BatchOutcome.Committed) reader.Report(partition, Math.Max(_lane.NextOffset, _taken[^1].Offset.Value + 1));
            else await LeaveAsync(result.Outcome).ConfigureAwait(false);
        }
        catch (Exception error) when (!_gone.IsCancellationRequested)
        {
            Log.LaneFails(parts.Logger, parts.Instance, Name, 1, error);        // nothing a handler does comes here
            await observed.FailedAsync(error).ConfigureAwait(false);
            await Task.Delay(s_pause, parts.Time, _gone.Token).ConfigureAwait(false);
            await CloseAsync().ConfigureAwait(false);
        }
        finally
        {
            Array.Clear(_events, 0, Math.Min(_events.Length, _taken.Count));
            _taken.Clear();
        }
    }

    /// <summary>Somebody else has the lane, or the store went back: the batch at hand is dropped, and comes again if it is still this lane's.</summary>
    private async Task LeaveAsync(BatchOutcome outcome)
    {
        Log.LaneLeft(parts.Logger, parts.Instance, Name, outcome, _lane!.NextOffset);
        if (outcome == BatchOutcome.Moved)
        {
            GoTo(_lane.NextOffset);
            return;
        }
        await CloseAsync().ConfigureAwait(false);
        await Task.Delay(s_pause, parts.Time, _gone.Token).ConfigureAwait(false);       // who was thought dead hears meanwhile that it has no partition any more
    }

    private ReadOnlyMemory<EventEnvelope> Envelopes()
    {
        if (_events.Length < _taken.Count) _events = new EventEnvelope[Math.Max(_taken.Count, 2 * _events.Length)];
        var count = 0;
        foreach (var record in _taken)
        {
            var position = new EventPosition(Name, record.Offset.Value);
            if (RecordReader.TryRead(record.Message, position, _topic, out var envelope)) _events[count++] = envelope;
            else Tombstone();
        }
        return _events.AsMemory(0, count);
    }

    private void Tombstone()
    {
        Telemetry.Tombstone(parts.Instance);
        if (_saidTombstone) return;
        _saidTombstone = true;
        Log.Tombstone(parts.Logger, parts.Instance, Name);
    }

    private void GoTo(long offset)
    {
        lock (_lock)
        {
            (_seekTo, _isOpen, _outOfRange, _bytes) = (offset, true, false, 0);
            _arrived.Clear();
        }
        reader.Wake();
    }

    /// <summary>Holds the partition where it is: what is wrong needs somebody to act, and going on would lose events.</summary>
    private async Task HaltAsync(string reason)
    {
        lock (_lock) _isOpen = false;
        _halted = reason;
        Log.LaneHalted(parts.Logger, parts.Instance, Name, reason);
        parts.Watch.Changed();
        await Task.Delay(Timeout.InfiniteTimeSpan, parts.Time, _gone.Token).ConfigureAwait(false);
    }

    private async Task CloseAsync()
    {
        lock (_lock)
        {
            _isOpen = false;
            _arrived.Clear();
        }
        if (_lane is not { } lane) return;
        _lane = null;
        await lane.DisposeAsync().ConfigureAwait(false);
    }
}
