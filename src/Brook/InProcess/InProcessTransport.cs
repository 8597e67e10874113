using System.Globalization;
using System.Threading.Channels;
using Brook.Lanes;
using Microsoft.Extensions.Hosting;

namespace Brook;

/// <summary>
/// The driver without a bus: one queue, one lane, one reader; what has queued up is one batch. Offsets go on from where the store stands. A send returns when
/// the event is in the queue, so that a handler may send too.
/// </summary>
internal sealed class InProcessTransport(BrookEngine engine) : BackgroundService, IBrookTransport
{
    private readonly Channel<EventEnvelope> _queue = Channel.CreateUnbounded<EventEnvelope>(new() { SingleReader = true });
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly string _lane = $"{engine.DisplayName}/0";
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _start, _sent, _handled;        // the offset of the first event; how many were sent and handled since
    private volatile bool _stopping;
    private bool _closed;

    public bool ForwardsToOtherNodes => false;

    public ValueTask ForwardAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken) => default;

    public async ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (events.IsEmpty) return new([], [], null);
        long first, last;
        lock (_lock)
        {
            if (_closed || (_stopping && !fromHandlers)) return new([], [.. Enumerable.Range(0, events.Length)], new BrookException("The host is stopping, so no more events are taken. Send before it stops."));
            first = _sent;
            foreach (ref readonly var e in events.Span) _queue.Writer.TryWrite(EventEnvelope.Read(e.Record.ToArray(), new EventPosition(_lane, _sent++), e.SentAt));
            last = _sent - 1;
        }
        try
        {
            await _opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            for (var changed = Changed(); !fromHandlers && !_stopping && Unhandled() > engine.Options.MaxUnhandledEvents; changed = Changed()) await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("The send was cancelled when its event was in the queue already: it is handled all the same.", e, cancellationToken);
        }
        return new([new ReceiptSpan(_lane, default, _start + first, _start + last)], [], null);
    }

    public ValueTask<SourceStatus> LookAtSourceAsync(CancellationToken cancellationToken)
        => new(new SourceStatus { IsStarted = _opened.Task.IsCompleted, Lanes = [new(_lane) { Waiting = Unhandled() }] });

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_lock) _stopping = true;
        Handled(0);                                             // who waits for room need not
        try
        {
            do
            {
                for (var changed = Changed(); Unhandled() > 0 && ExecuteTask is not { IsCompleted: true }; changed = Changed()) await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
                await engine.WhenOutboxEmptyAsync(cancellationToken).ConfigureAwait(false);
            }
            while (Unhandled() > 0 && ExecuteTask is not { IsCompleted: true });
        }
        catch (OperationCanceledException)
        {
            // the host waits no longer: what is left is said below
        }
        if (Unhandled() + engine.InOutbox is var left and > 0) Log.LeftBehind(engine.Logger, engine.DisplayName, left);
        _opened.TrySetException(new BrookException("The host stopped before the store was there, so the events that waited in this process were not handled."));
        Handled(0);
        lock (_lock)
        {
            _closed = true;                                     // what handlers send from now on stays in the outbox
            _queue.Writer.TryComplete();
        }
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var lane = await engine.OpenLaneAsync(_lane, LaneGuard.Offsets, stoppingToken).ConfigureAwait(false);
        _start = lane.NextOffset;
        _opened.TrySetResult();
        var batch = new List<EventEnvelope>();
        while (await _queue.Reader.WaitToReadAsync(stoppingToken).ConfigureAwait(false))
        {
            batch.Clear();
            while (batch.Count < engine.Options.BatchEvents && _queue.Reader.TryRead(out var e)) batch.Add(e.At(_start));
            var result = await lane.ProcessAsync(batch.ToArray(), stoppingToken).ConfigureAwait(false);
            if (result.Outcome != BatchOutcome.Committed)
                await lane.HaltAsync(string.Create(CultureInfo.InvariantCulture, $"its place in the view was moved by somebody else ({result.Outcome}); an in-process instance must be the only one on its store"), stoppingToken).ConfigureAwait(false);
            Handled(batch.Count);
        }
    }

    private long Unhandled()
    {
        lock (_lock) return _sent - _handled;
    }

    /// <summary>Ends at the next change; taken before one looks.</summary>
    private Task Changed()
    {
        lock (_lock) return _changed.Task;
    }

    private void Handled(int count)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _handled += count;
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        changed.SetResult();
    }
}
