// Start reading Brook here: ApplyAsync is the path of an event. Each verb lives in the folder of its name (docs/path-of-an-event.md).
namespace Brook.Lanes;

/// <summary>One partition as this instance reads it: in order, one batch at a time. Not thread safe.</summary>
public sealed class Lane : IAsyncDisposable
{
    private readonly LaneContext _context;
    private readonly Decoder _decoder;
    private readonly Guard _guard;
    private readonly HandlerRunner _handlers;
    private readonly Folder _folder;
    private readonly ParkedRows _parked;
    private readonly Committer _committer;
    private readonly Announcer _announcer;
    private readonly Outbox _outbox;
    private readonly LaneProgress _progress;
    private readonly LaneAnswers _answers;
    private readonly ParkedRetries _retries;
    private readonly ParkingRoom _room;
    private bool _interrupted, _closed;

    internal Lane(BrookEngine engine, string name, LaneGuard guard, LaneSource? source)
    {
        _context = new LaneContext(engine, name);
        _progress = engine.HoldProgress(name);
        _context.Parked = _parked = new ParkedRows(_context);
        _guard = guard == LaneGuard.SharedMessageIds ? new SharedGuard(_context, _parked, _progress) : new OwnedGuard(_context, _parked, _progress, source);
        var failures = new Failures(_context);
        _decoder = new Decoder(_context);
        _folder = new Folder(_context, failures);
        _handlers = new HandlerRunner(_context, _folder, failures, _guard.KnowsParts);
        _outbox = new Outbox(_context);
        _committer = new Committer(_context, _guard, failures, _parked, _outbox);
        _announcer = new Announcer(_context);
        _answers = new(_guard.IsDone, Held.HoldsAny, () => _guard.State.Epoch);
        _retries = new ParkedRetries(_context, _parked.Held, _outbox);
        _room = new ParkingRoom(_context, _parked);
    }

    /// <summary>The lane's name: stream/partition.</summary>
    public string Name => _context.Name;

    /// <summary>Where to resume (offsets only).</summary>
    public long NextOffset => _guard.State.Next;

    /// <summary>Why the lane stands still until somebody acts; null: it does not.</summary>
    public string? Halted => _context.Halted;

    /// <summary>What it is at.</summary>
    internal LaneWatch Watch => _context.Watch;

    /// <summary>Why the store is waited for; null: it is not.</summary>
    internal string? StoreProblem => _context.Store.Problem;

    internal bool CountsOffsets => _guard.CountsOffsets;

    /// <summary>
    /// Takes events along the path, in order; more than <see cref="BrookOptions.BatchEvents"/> or <see cref="BrookOptions.BatchBytes"/> in parts. Ends when
    /// they are in the view, known or set aside: a store that is away is waited for, a failing event is set aside, a conflict goes round again.
    /// </summary>
    /// <param name="received">One message or more (in order, whole), or a run of offsets. Not changed, not kept.</param>
    /// <param name="cancellationToken">The host stops: nothing is to be acknowledged.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; the events come again.</exception>
    public async ValueTask<BatchResult> ProcessAsync(ReadOnlyMemory<EventEnvelope> received, CancellationToken cancellationToken)
    {
        if (!received.IsEmpty) _context.Watch.Begins(in received.Span[0]);
        try
        {
            var result = await ProcessPartsAsync(received, cancellationToken).ConfigureAwait(false);
            _context.Watch.Ends();
            return result;
        }
        catch (Exception error)
        {
            if (cancellationToken.IsCancellationRequested) _context.Watch.Stops();
            else _context.Watch.Fails(error);
            throw;
        }
    }

    private async ValueTask<BatchResult> ProcessPartsAsync(ReadOnlyMemory<EventEnvelope> received, CancellationToken cancellationToken)
    {
        _context.Halted = null;
        if (_interrupted) await ReopenAsync(cancellationToken).ConfigureAwait(false);
        var nothing = new BatchResult(BatchOutcome.Committed, 0, 0, 0, 0);
        var (rest, result) = (received, nothing);
        while (!rest.IsEmpty && result.Outcome == BatchOutcome.Committed)
        {
            var part = PartOf(rest, out var cutMessage);
            _interrupted = true;
            result = result.Plus(await ApplyAsync(part, cutMessage, cancellationToken).ConfigureAwait(false));
            _interrupted = false;
            rest = rest[_context.Batch.Count..];                    // a handler that hangs cuts a part short
            if (result.Outcome == BatchOutcome.Moved && !_guard.CountsOffsets) (rest, result) = (received, nothing);    // the store went back, perhaps behind the first parts: what it still has is known
        }
        if (_guard is SharedGuard shared) await shared.RotateWhenFullAsync(cancellationToken).ConfigureAwait(false);
        return result;
    }

    /// <summary>Moves the position of a lane that counts offsets over records that hold no event (removed ones, a transaction's marks), so that they are not missed later. Nothing when it is there already.</summary>
    /// <param name="next">The next offset; everything before it was given to <see cref="ProcessAsync"/>, or holds no event.</param>
    /// <param name="cancellationToken">The host stops.</param>
    /// <exception cref="InvalidOperationException">The lane counts no offsets.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<BatchOutcome> AdvanceAsync(long next, CancellationToken cancellationToken)
    {
        if (_guard is not OwnedGuard { CountsOffsets: true } owned) throw new InvalidOperationException($"Lane {Name} counts no offsets.");
        if (_interrupted) await ReopenAsync(cancellationToken).ConfigureAwait(false);
        if (next <= NextOffset) return BatchOutcome.Committed;
        _interrupted = true;
        var outcome = await owned.AdvanceAsync(next, cancellationToken).ConfigureAwait(false);
        _interrupted = false;
        return outcome;
    }

    /// <summary>The path of an event.</summary>
    private async ValueTask<BatchResult> ApplyAsync(ReadOnlyMemory<EventEnvelope> received, Guid cutMessage, CancellationToken cancellationToken)
    {
        var started = _context.Time.GetTimestamp();
        using var activity = Traces.StartBatch(_context, received.Span);
        var unknown = _decoder.Decode(received, cutMessage);                        // bytes -> events; one that cannot be read stays in, failed
        if (unknown is not null) await HaltAsync(unknown, cancellationToken).ConfigureAwait(false);
        BatchOutcome? outcome;
        do
        {
            await _guard.DropAppliedAsync(cancellationToken).ConfigureAwait(false); // redelivered, or sent twice
            await _handlers.HandleAsync(cancellationToken).ConfigureAwait(false);   // event -> changes, staged; a throwing handler fails its event alone
            await _folder.FoldAsync(cancellationToken).ConfigureAwait(false);       // one read for the batch; changes over values, in event order
            _parked.Stage();                                                        // failed events, and those behind them under their key
            outcome = _parked.IsFull && await _room.WaitAsync(cancellationToken).ConfigureAwait(false) ? null
                : await _committer.CommitAsync(cancellationToken).ConfigureAwait(false);    // one checked multi-write
        }
        while (outcome is null);                                                    // a conflict brought the values there are now
        _retries.Wake();
        if (outcome == BatchOutcome.Committed) await _announcer.AnnounceAsync(cancellationToken).ConfigureAwait(false);
        var result = _context.Batch.Result(outcome.Value);
        Telemetry.Processed(_context, in result, _context.Time.GetElapsedTime(started));
        return result;                                                              // the transport acknowledges
    }

    /// <summary>Holds the lane where it is until the host stops: what is wrong needs somebody to act, and going on would lose events.</summary>
    /// <exception cref="OperationCanceledException">Always, when the token is cancelled.</exception>
    public async ValueTask HaltAsync(string reason, CancellationToken cancellationToken)
    {
        _context.Halted = reason;
        Log.LaneHalted(_context.Logger, _context.Engine.DisplayName, Name, reason);
        await Task.Delay(Timeout.InfiniteTimeSpan, _context.Time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the lane's own task. Events in the outbox stay there for the next owner.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_closed) _context.Engine.Closed(this, _progress, _answers);
        _closed = true;
        await _retries.DisposeAsync().ConfigureAwait(false);
        await _outbox.DisposeAsync().ConfigureAwait(false);
    }

    internal async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        await _guard.OpenAsync(claim: true, cancellationToken).ConfigureAwait(false);
        _progress.Opened(_answers);
        await _outbox.LoadAsync(cancellationToken).ConfigureAwait(false);
        _retries.Wake();
    }

    /// <summary>What it has set aside, as far as this process knows.</summary>
    internal HeldRows Held => _parked.Held;

    /// <summary>Whether one of these events is set aside still: another process may have released it.</summary>
    internal async ValueTask<bool> HasSetAsideAsync(ReceiptSpan[] spans, CancellationToken cancellationToken)
    {
        try { await _parked.LookAgainAsync(_context.Engine.Store, Held.RowsAt(spans), cancellationToken).ConfigureAwait(false); }
        catch (BrookException) { return true; }                 // the store is away: as far as is known
        return spans.Any(Held.HoldsAny);
    }

    /// <summary>A batch was cut short, and its commit may have landed: look again.</summary>
    private async ValueTask ReopenAsync(CancellationToken cancellationToken)
    {
        _context.TriedBefore = 0;
        _context.RenewView();                                   // a handler may have been cut off, and not know it
        await _guard.OpenAsync(claim: false, cancellationToken).ConfigureAwait(false);
        await _outbox.LoadAsync(cancellationToken).ConfigureAwait(false);
        _interrupted = false;
    }

    /// <summary>As much as may be committed together; <paramref name="cutMessage"/> is the message that goes on in the next part.</summary>
    private ReadOnlyMemory<EventEnvelope> PartOf(ReadOnlyMemory<EventEnvelope> received, out Guid cutMessage)
    {
        var events = received.Span;
        var (count, bytes) = (0, 0);
        while (count < events.Length && (count == 0 || count < _context.Options.BatchEvents) && (count == 0 || bytes + events[count].Record.Length <= _context.Options.BatchBytes))
            bytes += events[count++].Record.Length;
        cutMessage = count < events.Length && events[count].Position.MessageId == events[count - 1].Position.MessageId ? events[count].Position.MessageId : default;
        if (cutMessage == default || _guard.KnowsParts) return received[..count];
        var start = count;                                      // whole messages only: without the last one, or all of the only one
        while (start > 0 && events[start - 1].Position.MessageId == cutMessage) start--;
        while (start == 0 && count < events.Length && events[count].Position.MessageId == cutMessage) count++;
        cutMessage = default;
        return received[..(start > 0 ? start : count)];
    }
}
