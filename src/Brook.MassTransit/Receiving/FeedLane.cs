using Brook.Lanes;

namespace Brook.MassTransit;

/// <summary>The lane of one endpoint of ordinary messages, for deliveries that may come side by side.</summary>
internal sealed class FeedLane(BrookEngine engine, string name, LaneGuard guard, CancellationToken stopped)
{
    private readonly Lock _lock = new();
    private readonly EventEnvelope[] _one = new EventEnvelope[1];
    private List<(EventEnvelope Event, TaskCompletionSource Done)> _waiting = [];
    private Lane? _lane;
    private bool _busy;

    public string Name => name;

    /// <summary>Ends when the event is in the view, known already, or set aside.</summary>
    public async Task TakeAsync(EventEnvelope e, CancellationToken cancellationToken)
    {
        TaskCompletionSource? done = null;
        lock (_lock)
        {
            if (_busy) _waiting.Add((e, done = new(TaskCreationOptions.RunContinuationsAsynchronously)));
            _busy = true;
        }
        if (done is not null)
        {
            await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            return;
        }
        try
        {
            _one[0] = e;
            await ProcessAsync(_one, stopped.CanBeCanceled ? stopped : cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (OthersWait()) _ = Task.Run(ProcessWaitingAsync, CancellationToken.None);    // this delivery has its answer
        }
    }

    private async Task ProcessWaitingAsync()
    {
        do
        {
            List<(EventEnvelope Event, TaskCompletionSource Done)> batch;
            lock (_lock) (batch, _waiting) = (_waiting, []);
            try
            {
                await ProcessAsync(batch.ConvertAll(waiting => waiting.Event).ToArray(), stopped).ConfigureAwait(false);
                foreach (var (_, done) in batch) done.TrySetResult();
            }
            catch (Exception error)
            {
                foreach (var (_, done) in batch) done.TrySetException(error);       // each delivery answers for itself: not acknowledged
            }
        }
        while (OthersWait());
    }

    private async ValueTask ProcessAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken)
    {
        _lane ??= await engine.OpenLaneAsync(name, guard, cancellationToken).ConfigureAwait(false);
        while ((await _lane.ProcessAsync(events, cancellationToken).ConfigureAwait(false)).Outcome != BatchOutcome.Committed)
        {
            await _lane.DisposeAsync().ConfigureAwait(false);       // another process took the lane: it is claimed again
            _lane = await engine.OpenLaneAsync(name, guard, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool OthersWait()
    {
        lock (_lock) return _busy = _waiting.Count > 0;
    }
}
