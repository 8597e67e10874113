using Brook.Lanes;

namespace Brook;

/// <summary>How far a lane is, for those who wait for their events. The only part of a lane that other threads look at.</summary>
internal sealed class LaneProgress
{
    private readonly Lock _lock = new();
    private readonly List<(IReadOnlyList<ReceiptSpan> Spans, TaskCompletionSource<WaitResult> Done)> _waiting = [];
    private Func<ReceiptSpan, bool> _isDone = _ => false, _isSetAside = _ => false;

    /// <summary>From now on these say what became of a span. They are asked under the lock.</summary>
    public void AnsweredBy(Func<ReceiptSpan, bool> isDone, Func<ReceiptSpan, bool> isSetAside)
        => Advance((Progress: this, isDone, isSetAside), static change => (change.Progress._isDone, change.Progress._isSetAside) = (change.isDone, change.isSetAside));

    /// <summary>Changes what the answers rest on, then wakes who waited for them.</summary>
    public void Advance<TState>(TState state, Action<TState> apply)
    {
        lock (_lock)
        {
            apply(state);
            for (var i = _waiting.Count - 1; i >= 0; i--)
            {
                if (!_isDone(_waiting[i].Spans[^1])) continue;
                _waiting[i].Done.TrySetResult(Answer(_waiting[i].Spans));
                _waiting.RemoveAt(i);
            }
        }
    }

    /// <summary>Ends with the answer, or with cancellation. The spans of a lane are in order, so the last one done is all done.</summary>
    public async Task<WaitResult> WaitAsync(IReadOnlyList<ReceiptSpan> spans, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<WaitResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_isDone(spans[^1])) return Answer(spans);
            _waiting.Add((spans, done));
        }
        try
        {
            return await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock) _waiting.RemoveAll(waiting => waiting.Done == done);
        }
    }

    private WaitResult Answer(IReadOnlyList<ReceiptSpan> spans) => spans.Any(_isSetAside) ? WaitResult.SetAside : WaitResult.Applied;
}
