namespace Brook;

/// <summary>Many signals, one wake-up: what is signalled while nobody waits, or while its waiter is at work, ends the next wait at once. One waiter.</summary>
internal sealed class ChangeSignal
{
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Set() => Volatile.Read(ref _changed).TrySetResult();

    /// <summary>True: it was signalled; false: the time was over. Look only after it has ended: what is signalled from then on ends the next wait.</summary>
    public async ValueTask<bool> WaitAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        var changed = _changed.Task;
        if (!changed.IsCompleted)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(changed, Task.Delay(limit, time, over.Token)).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            if (!changed.IsCompleted) return false;
        }
        Volatile.Write(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        return true;
    }
}
