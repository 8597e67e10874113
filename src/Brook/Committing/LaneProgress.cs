using Brook.Lanes;

namespace Brook;

/// <summary>How far a lane is, for those who wait for their events. The only part of a lane that other threads look at.</summary>
internal sealed class LaneProgress
{
    private readonly Lock _lock = new();
    private readonly List<(ReceiptSpan Span, TaskCompletionSource<WaitResult> Done)> _waiting = [];

    /// <summary>What became of a span; null: it is still on its way. Asked under the lock.</summary>
    public Func<ReceiptSpan, WaitResult?> Answer { get; set; } = _ => null;

    /// <summary>Changes what <see cref="Answer"/> looks at, then wakes who waited for it.</summary>
    public void Advance<TState>(TState state, Action<TState> apply)
    {
        lock (_lock)
        {
            apply(state);
            for (var i = _waiting.Count - 1; i >= 0; i--)
            {
                if (Answer(_waiting[i].Span) is not { } answer) continue;
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
            if (Answer(span) is { } answer) return answer;
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
