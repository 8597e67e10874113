namespace Brook.Faults;

/// <summary>The moment from which handlers work, and what is done about the events that were set aside until then. Every second trial has that moment while the faults go on, the others afterwards.</summary>
internal sealed class Mending(ITrial trial, Releaser releaser, int seed, bool isAblated) : IAsyncDisposable
{
    private const int Soon = 300;
    private static readonly TimeSpan s_ablated = TimeSpan.FromSeconds(3);
    private readonly CancellationTokenSource _over = new();
    private Task _meanwhile = Task.CompletedTask;

    /// <summary>Milliseconds after which workers try by themselves: every third trial.</summary>
    public static int RetryAfter(int seed) => seed % 3 == 0 ? 40 : 0;

    public void Begin()
    {
        if (seed % 2 == 1) _meanwhile = Task.Run(MeanwhileAsync);
    }

    /// <summary>Heals whoever is not, and works until only what must stay is set aside.</summary>
    public async Task FinishAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        await EndAsync();
        Heal();
        if (seed % 4 < 2) trial.Retry();
        try { await releaser.FinishAsync(isAblated ? s_ablated : deadline, cancellationToken); }
        catch (StuckException) when (isAblated) { }         // the comparison says what is wrong
    }

    public async Task EndAsync()
    {
        if (!_over.IsCancellationRequested) await _over.CancelAsync();
        await _meanwhile;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _over.Dispose();
    }

    private async Task MeanwhileAsync()
    {
        await Task.Delay(new Random(seed).Next(Soon), _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Heal();
        await releaser.RunAsync(trial.Retry, _over.Token);
    }

    private void Heal()
    {
        releaser.Heal();
        trial.Heal();
    }
}
