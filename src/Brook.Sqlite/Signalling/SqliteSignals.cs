using Brook.Signals;
using Brook.Storage;

namespace Brook.Sqlite;

/// <summary>
/// Tells who waits of commits. Those of this process it knows; another process's are seen by the file's log (-wal) being written, while somebody watches. The log is written a little before the commit
/// can be read (in between it is flushed), and nothing is written when it can: so after the last write all are told a few times more.
/// </summary>
internal sealed class SqliteSignals(string path) : IDisposable
{
    private static readonly TimeSpan[] s_later = [TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(200)];
    private readonly EntryWatches _watches = new();
    private readonly Lock _lock = new();
    private FileSystemWatcher? _log;
    private Timer? _timer;
    private int _times;

    /// <summary>A commit of this process can be read.</summary>
    public void Committed(Commit commit) => _watches.Committed(commit);

    /// <summary>Null: the system does not tell of writes to the file (it has a limit of watched folders), so other processes' commits would not be seen.</summary>
    public IAsyncDisposable? Watch(EntryKey entry, Action changed)
    {
        lock (_lock)
        {
            if (_log is null && !TryWatchLog()) return null;
            return new Ending(this, _watches.Add(entry, changed));
        }
    }

    public void Dispose()
    {
        lock (_lock) UnwatchLog();
    }

    private bool TryWatchLog()
    {
        try
        {
            var log = new FileSystemWatcher(Path.GetDirectoryName(path)!, Path.GetFileName(path) + "-wal") { NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.FileName };
            log.Changed += OnWritten;
            log.Created += OnWritten;
            log.Error += (_, _) => Told();
            log.EnableRaisingEvents = true;
            _timer = new Timer(_ => OnLater(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _log = log;
            return true;
        }
        catch (Exception e) when (e is IOException or ArgumentException or PlatformNotSupportedException or UnauthorizedAccessException) { return false; }
    }

    private void UnwatchLog()
    {
        _log?.Dispose();
        _timer?.Dispose();
        (_log, _timer) = (null, null);
    }

    private void OnWritten(object sender, FileSystemEventArgs e) => Told();

    private void Told()
    {
        _watches.AllChanged();
        Volatile.Write(ref _times, 0);
        TellLater(0);
    }

    private void OnLater()
    {
        _watches.AllChanged();
        TellLater(Interlocked.Increment(ref _times));
    }

    private void TellLater(int times)
    {
        lock (_lock)
            if (times < s_later.Length) _timer?.Change(s_later[times], Timeout.InfiniteTimeSpan);
    }

    private sealed class Ending(SqliteSignals signals, IAsyncDisposable watch) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            lock (signals._lock)
                if (!signals._watches.Any) signals.UnwatchLog();
        }
    }
}
