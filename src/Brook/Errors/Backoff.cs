namespace Brook;

/// <summary>Pauses that double, with jitter, so that many who wait do not come back together.</summary>
internal static class Backoff
{
    public static TimeSpan After(int attempts, TimeSpan first, TimeSpan limit)
    {
        var delay = first * Math.Pow(2, Math.Min(attempts - 1, 30));
        return (delay < limit ? delay : limit) * (0.8 + (Random.Shared.NextDouble() * 0.4));
    }
}
