using Microsoft.Extensions.Logging;

namespace Brook.Sqlite;

/// <summary>Frees the room of entries that have expired. Reads and commits do not see them from their end on.</summary>
internal sealed class Sweeper(Writer writer, TimeProvider time, TimeSpan interval, ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _starting = new();
    private Task? _sweeping;

    public void Start()
    {
        lock (_starting) _sweeping ??= SweepNowAndAgainAsync(_stopping.Token);
    }

    private async Task SweepNowAndAgainAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var timer = new PeriodicTimer(interval, time);
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            {
                try
                {
                    while (await SweepAsync(cancellationToken).ConfigureAwait(false) == Changes.SweptAtOnce) { }
                }
                catch (BrookException e)
                {
                    if (!e.IsTransient) Log.SweepFailed(logger, e);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    private async ValueTask<int> SweepAsync(CancellationToken cancellationToken)
    {
        var call = new WriteCall(null, cancellationToken);
        await writer.Enqueue(call).ConfigureAwait(false);
        return call.Swept;
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_sweeping is not null) await _sweeping.ConfigureAwait(false);
    }
}
