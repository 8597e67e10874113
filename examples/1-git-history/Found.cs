using Brook;

namespace GitHistory;

/// <summary>What a view that outlives its process has of the history already.</summary>
public static class Found
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static HistoryRead Nothing { get; } = new("", 0, "");

    /// <summary>Waits for the store; the lanes wait too, and say what for.</summary>
    public static async Task<HistoryRead> InViewAsync(IBrookView view, CancellationToken cancellationToken)
    {
        while (true)
        {
            try { return await view.GetAsync(HistoryHandler.History, HistoryHandler.Key, cancellationToken) ?? Nothing; }
            catch (BrookException e) when (e.IsTransient) { await Task.Delay(Pause, cancellationToken); }
        }
    }
}
