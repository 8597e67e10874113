namespace Brook.MassTransit;

/// <summary>Applications may send between the bus's start and its stop. Who comes early waits.</summary>
internal sealed class StreamGate
{
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _closed;

    public void Open() => _opened.TrySetResult();

    /// <summary>No more from now on, and why.</summary>
    public void Close(string reason)
    {
        _closed = reason;
        _opened.TrySetResult();
    }

    /// <exception cref="BrookException">Closed.</exception>
    public async ValueTask PassAsync(CancellationToken cancellationToken)
    {
        if (!_opened.Task.IsCompleted) await _opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (_closed is { } reason) throw new BrookException(reason);
    }
}
