using Brook.Lanes;

namespace Brook;

/// <summary>How far a lane is, for those who wait for their events. The only part of a lane that other threads look at.</summary>
internal sealed class LaneProgress
{
    private readonly Lock _lock = new();
    private readonly List<(ReceiptSpan Span, TaskCompletionSource<WaitResult> Done)> _waiting = [];

    private Func<ReceiptSpan, WaitResult?> _answer = _ => null;

    /// <summary>From now on this says what became of a span; null: it is still on its way. It is asked under the lock.</summary>
    public void AnsweredBy(Func<ReceiptSpan, WaitResult?> answer) => Advance((Progress: this, answer), static change => change.Progress._answer = change.answer);

    /// <summary>Changes what the answers rest on, then wakes who waited for them.</summary>
    public void Advance<TState>(TState state, Action<TState> apply)
    {
        lock (_lock)
        {
            apply(state);
            for (var i = _waiting.Count - 1; i >= 0; i--)
            {
                if (_answer(_waiting[i].Span) is not { } answer) continue;
                _waiting[i].Done.TrySetResult(answer);
                _waiting.RemoveAt(i);
            }
        }
    }

    /// <summary>Ends with the answer, or with cancellation.</summary>
    public async Task<WaitResult> WaitAsync(ReceiptSpan span, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<WaitResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_answer(span) is { } answer) return answer;
            _waiting.Add((span, done));
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
}
