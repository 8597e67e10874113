namespace Brook.MassTransit;

/// <summary>Applications may send between the bus's start and its stop. Who comes early waits.</summary>
internal sealed class StreamGate : IDisposable
{
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closed = new();
    private volatile string? _reason;

    /// <summary>Cancelled when the gate closes.</summary>
    public CancellationToken Closed { get; }

    public StreamGate() => Closed = _closed.Token;

    /// <summary>It was opened, and has not been closed since.</summary>
    public bool IsOpen => _opened.Task.IsCompleted && _reason is null;

    public void Open() => _opened.TrySetResult();

    /// <summary>No more from now on, and why.</summary>
    public void Close(string reason)
    {
        _reason ??= reason;
        _opened.TrySetResult();
        if (!Closed.IsCancellationRequested) _closed.Cancel();
    }

    /// <exception cref="BrookException">Closed.</exception>
    public async ValueTask PassAsync()
    {
        if (!_opened.Task.IsCompleted) await _opened.Task.ConfigureAwait(false);
        if (_reason is { } reason) throw new BrookException(reason);
    }

    public void Dispose()
    {
        Close("The application has ended, so nothing can be sent any more.");
        _closed.Dispose();
    }
}
