using System.Globalization;
using System.Runtime.InteropServices;
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
    private const int Together = 1000;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1), s_soon = TimeSpan.FromMilliseconds(50);
    private readonly Lock _lock = new();
    private readonly Arrivals _arrivals = new(parts.Room);
    private readonly LaneEvents _events = new(parts, WireContract.Lane(partition.Topic, partition.Partition), partition.Topic, Together);
    private readonly SourceOf _source = new(reader, parts, partition);
    private readonly CancellationTokenSource _gone = new();
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _running = Task.CompletedTask;
    private Lane? _lane;
    private long _seekTo = -1, _end = -1;
    private bool _paused, _wantsResume, _isOpen, _sourceGone, _outOfRange, _wasOpen;
    private volatile bool _stopping;
    private volatile string? _halted;

    public TopicPartition Partition => partition;

    public string Name { get; } = WireContract.Lane(partition.Topic, partition.Partition);

    /// <summary>The topic it was opened with; null: not known, or not open.</summary>
    public string? SourceId { get; private set; }

    /// <summary>Why it stands still; null: it does not.</summary>
    public string? Halted => _halted ?? _lane?.Halted;

    /// <summary>The reader has told it of records that <see cref="Arrived"/> has not said yet.</summary>
    public bool IsTouched { get; set; }

    /// <summary>The client has found the place that the partition was assigned at: to move before that would be undone by its answer.</summary>
    public bool IsPlaced { get; set; }

    /// <param name="former">Ends with who had the partition before, in this process.</param>
    /// <param name="stopped">The stop cannot wait any longer.</param>
    public void Start(Task former, CancellationToken stopped) => _running = Task.Run(() => RunAsync(former, stopped), CancellationToken.None);

    /// <summary>Takes no more, and finishes what is at work. Never throws.</summary>
    public Task StopAsync()
    {
        if (_stopping) return _running;
        _stopping = true;
        if (!_isOpen) _gone.Cancel();                               // it waits for the store
        Arrived();
        _ = EndHaltAsync();
        return _running;
    }

    /// <summary>A lane that stands still waits for somebody to act, not for itself.</summary>
    private async Task EndHaltAsync()
    {
        for (; !_running.IsCompleted; await Task.WhenAny(_running, Task.Delay(s_soon, parts.Time)).ConfigureAwait(false))
            if (Halted is not null) await _gone.CancelAsync().ConfigureAwait(false);
    }

    /// <summary>False: it is not read at present; the record comes again.</summary>
    public bool Add(in KafkaRecord record)
    {
        lock (_lock)
        {
            if (!_isOpen || _stopping || _seekTo >= 0) return false;
            _arrivals.Add(in record);
            return true;
        }
    }

    /// <summary>As the other, for the next records of the queue, which are this partition's; they are taken, or passed over.</summary>
    public bool Add(RecordQueue queue)
    {
        lock (_lock)
        {
            var isRead = _isOpen && !_stopping && _seekTo < 0;
            if (isRead) _arrivals.Add(queue);
            else queue.Skip();
            return isRead;
        }
    }

    /// <summary>There is nothing before the offset any more that was not added.</summary>
    public void ReachedEnd(long offset)
    {
        lock (_lock)
        {
            if (!_isOpen || _stopping || _seekTo >= 0) return;
            _end = offset;
        }
        Arrived();
    }

    /// <summary>Wakes the lane.</summary>
    public void Arrived()
    {
        IsTouched = false;
        Volatile.Read(ref _more).TrySetResult();
    }

    /// <summary>On the reader's thread: no more for now, if it has not taken what it has; that is not counted any more.</summary>
    public void Pause(IConsumer<byte[], byte[]> consumer)
    {
        lock (_lock)
        {
            _arrivals.LeaveRoom();
            if (!_arrivals.AnyWait || _paused) return;              // what it has at work is no reason: nobody would have it go on
            consumer.Pause([partition]);
            _paused = true;
        }
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
                if (_seekTo >= 0 && !IsPlaced) return false;
                if (_seekTo >= 0)
                {
                    consumer.Seek(new TopicPartitionOffset(partition, _seekTo));
                    _seekTo = -1;
                    _arrivals.Forget();
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
        await former.ConfigureAwait(false);
        while (!_stopping)
        {
            try
            {
                await LiveAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_gone.IsCancellationRequested)
            {
                break;                                              // what is not in the view is read again by whoever has the partition
            }
            catch (Exception error)
            {
                Log.LaneFails(parts.Logger, parts.Instance, Name, 1, error);
                lock (_lock) _arrivals.Done();
                await CloseAsync().ConfigureAwait(false);
                await Task.Delay(s_pause, parts.Time, _gone.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        await CloseAsync().ConfigureAwait(false);
    }

    private async Task LiveAsync()
    {
        while (!_stopping)
        {
            if (_lane is null) await OpenAsync().ConfigureAwait(false);
            await MoreAsync().ConfigureAwait(false);
            if (_stopping || await MustCloseAsync().ConfigureAwait(false)) continue;
            TakeArrived();
            for (var start = 0; start < _arrivals.Taken.Count && _lane is not null && !_stopping; start += Together)
                if (!await ProcessAsync(start, Math.Min(start + Together, _arrivals.Taken.Count)).ConfigureAwait(false)) break;
            Done();
            if (_lane is not null && !_stopping) await PassAsync().ConfigureAwait(false);
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
                if (_wasOpen) source = source with { FirstOffset = _ => throw new SourceChangedException($"the store has lost what it had of {Name}: it was emptied, or came back without it. Restart the application to build the view anew, from where StartFrom says, or restore the store first") };
                _lane = await parts.Engine.OpenLaneAsync(Name, source, _gone.Token).ConfigureAwait(false);
                (SourceId, _wasOpen) = (source.Id, true);
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
            if (_arrivals.AnyWait || _end >= 0 || _outOfRange || _sourceGone) return;
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
        var (source, low, high) = await AskAsync().ConfigureAwait(false);
        await HaltAsync(string.Create(CultureInfo.InvariantCulture, $"the view has read {Name} up to offset {next:N0}, and the broker has {(low == high ? "no records" : string.Create(CultureInfo.InvariantCulture, $"{low:N0} to {high - 1:N0}"))}{(source.Id is null ? "" : $" of topic {source.Id}")}: {(next < low ? "records were removed before they were read (retention), so the view would miss them" : "the topic has lost what the view has, or was made anew")}. Give the topic a view of its own and build it anew, or set the lane's entry to an offset that is there if the gap is acceptable")).ConfigureAwait(false);
        return true;
    }

    /// <summary>Until the broker answers: what is wrong is not to be forgotten.</summary>
    private async Task<(LaneSource Source, long Low, long High)> AskAsync()
    {
        while (true)
        {
            try
            {
                var source = await _source.FindAsync(_gone.Token).ConfigureAwait(false);
                var (low, high) = await _source.RangeAsync(_gone.Token).ConfigureAwait(false);
                return (source, low, high);
            }
            catch (KafkaException error)
            {
                _halted = $"the broker has no offset as the view's next one of {Name}, and does not answer what it has: {error.Error.Reason}";
                parts.Watch.Changed();
                await Task.Delay(s_pause, parts.Time, _gone.Token).ConfigureAwait(false);
            }
        }
    }

    private void TakeArrived()
    {
        lock (_lock)
        {
            _arrivals.Take();
            _wantsResume = _paused;
        }
        reader.Wake();                                              // there is room
    }

    /// <summary>What was taken and not given back is not wanted any more.</summary>
    private void Done()
    {
        if (_arrivals.Taken.Count == 0) return;
        lock (_lock)
        {
            _arrivals.Done();
            _wantsResume |= _paused && !_arrivals.AnyWait;
        }
        reader.Wake();
    }

    /// <summary>Takes some of the records along. False: those behind them must wait.</summary>
    private async Task<bool> ProcessAsync(int start, int end)
    {
        var observed = new BatchObservation(parts.Endpoint, Name, end - start);
        try
        {
            await observed.BeforeAsync().ConfigureAwait(false);
            var result = await _lane!.ProcessAsync(_events.Of(CollectionsMarshal.AsSpan(_arrivals.Taken)[start..end]), _gone.Token).ConfigureAwait(false);
            await observed.AfterAsync().ConfigureAwait(false);
            if (result.Outcome == BatchOutcome.Committed) reader.Report(partition, Math.Max(_lane.NextOffset, _arrivals.Taken[end - 1].Offset + 1));
            else await LeaveAsync(result.Outcome).ConfigureAwait(false);
            return result.Outcome == BatchOutcome.Committed;
        }
        catch (Exception error) when (!_gone.IsCancellationRequested)
        {
            Log.LaneFails(parts.Logger, parts.Instance, Name, 1, error);        // nothing a handler does comes here
            await observed.FailedAsync(error).ConfigureAwait(false);
            await Task.Delay(s_pause, parts.Time, _gone.Token).ConfigureAwait(false);
            await CloseAsync().ConfigureAwait(false);
            return false;
        }
        finally
        {
            _events.Clear();
            lock (_lock) _arrivals.Handled(start, end);
            reader.Wake();                                          // there is room
        }
    }

    /// <summary>At the end of the partition: records without an event (tombstones, a transaction's marks) may stand behind the last one, and are not to be missed when the broker has removed them.</summary>
    private async Task PassAsync()
    {
        long end;
        lock (_lock)
        {
            if (_arrivals.AnyWait) return;
            (end, _end) = (_end, -1);
        }
        if (end <= _lane!.NextOffset) return;
        if (await _lane.AdvanceAsync(end, _gone.Token).ConfigureAwait(false) is not BatchOutcome.Committed and var outcome) await LeaveAsync(outcome).ConfigureAwait(false);
        else reader.Report(partition, end);
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

    private void GoTo(long offset)
    {
        lock (_lock)
        {
            (_seekTo, _end, _isOpen, _outOfRange, _wantsResume) = (offset, -1, true, false, _paused);
            _arrivals.Forget();
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
            _arrivals.Forget();
        }
        if (_lane is not { } lane) return;
        _lane = null;
        await lane.DisposeAsync().ConfigureAwait(false);
    }
}
