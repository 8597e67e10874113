using System.Diagnostics;

namespace Brook.Sqlite;

/// <summary>Waiting while another process holds the file: short pauses with jitter, so that nobody is passed over for long; as long as BusyTimeout says.</summary>
internal struct Patience(string path, TimeSpan limit)
{
    private const int LongestMilliseconds = 5;
    private readonly long _started = Stopwatch.GetTimestamp();
    private int _attempts;

    /// <summary>The next pause.</summary>
    /// <exception cref="BrookException">It was waited long enough.</exception>
    public int Pause(BusyException busy)
    {
        var waited = Stopwatch.GetElapsedTime(_started);
        if (waited >= limit) throw SqliteFailure.Busy(path, waited, busy);
        return Random.Shared.Next(1, Math.Min(++_attempts, LongestMilliseconds) + 1);
    }
}
