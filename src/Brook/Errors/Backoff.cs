namespace Brook;

/// <summary>Pauses that double, with jitter, so that many who wait do not come back together.</summary>
internal static class Backoff
{
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(1);

    /// <summary>For who waits until something is back: never without a pause.</summary>
    public static TimeSpan Until(int attempts, TimeSpan first, TimeSpan limit) => After(attempts, first < s_least ? s_least : first, limit);

    public static TimeSpan After(int attempts, TimeSpan first, TimeSpan limit)
    {
        var delay = first * Math.Pow(2, Math.Min(attempts - 1, 30));
        return (delay < limit ? delay : limit) * (0.8 + (Random.Shared.NextDouble() * 0.4));
    }
}
