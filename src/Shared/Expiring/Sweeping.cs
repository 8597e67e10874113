namespace Brook.Expiring;

/// <summary>Calls a sweep now and then, one at a time, until it is disposed of. A failure that may pass is left to the next time; another one is said.</summary>
internal sealed class Sweeping(Func<CancellationToken, ValueTask> sweep, Action<BrookException> failed, TimeProvider time, TimeSpan interval) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _starting = new();
    private Task? _sweeping;

    public void Start()
    {
        lock (_starting) _sweeping ??= SweepNowAndAgainAsync(_stopping.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_sweeping is not null) await _sweeping.ConfigureAwait(false);
    }

    private async Task SweepNowAndAgainAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var timer = new PeriodicTimer(interval, time);
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            {
                try { await sweep(cancellationToken).ConfigureAwait(false); }
                catch (BrookException e)
                {
                    if (!e.IsTransient) failed(e);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }
}
