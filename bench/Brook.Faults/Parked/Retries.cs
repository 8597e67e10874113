namespace Brook.Faults;

/// <summary>What a worker does with what is set aside, beside its lanes: it tries all of it when it is told to. Not thread safe.</summary>
internal sealed class Retries(Func<IParkedEvents> parked, Action<string> say) : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly List<Task> _running = [];

    /// <summary>Events are tried again by themselves after so many milliseconds; 0: they are not.</summary>
    public static void ByThemselves(BrookOptions options, int after)
    {
        options.ParkedRetryDelay = TimeSpan.FromMilliseconds(after);
        if (after > 0) options.ParkedRetryMaxDelay = TimeSpan.FromMilliseconds(10 * after);
    }

    public void Begin()
    {
        lock (_running)
            if (!_end.IsCancellationRequested) _running.Add(Task.Run(RetryAsync));
    }

    /// <summary>Ends those that run.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        Task[] running;
        lock (_running) running = [.. _running];
        await Task.WhenAll(running);
    }

    private async Task RetryAsync()
    {
        try { await parked().RetryAllAsync(_end.Token); }
        catch (OperationCanceledException) when (_end.IsCancellationRequested) { }
        catch (BrookException) { }                      // the store is away: somebody tries again
        catch (ObjectDisposedException) when (_end.IsCancellationRequested) { }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            say($"failed {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ").Replace(';', ',')}");
        }
    }
}
