using System.Globalization;
using SQLitePCL;

namespace Brook.Sqlite;

/// <summary>Another connection holds what is needed. Whoever may wait tries again.</summary>
internal sealed class BusyException(string message) : BrookException(message);

/// <summary>The disk has no room.</summary>
internal sealed class FullException(string message, Exception? cause) : BrookException(message, cause);

/// <summary>What SQLite said, as a <see cref="BrookException"/> that says what to do. docs/errors.md lists the texts.</summary>
internal static class SqliteFailure
{
    private const int NoRoomForIndex = raw.SQLITE_IOERR | (19 << 8);        // SQLITE_IOERR_SHMSIZE

    /// <param name="code">The extended result code.</param>
    /// <param name="message">What SQLite says about it.</param>
    /// <param name="path">The file.</param>
    /// <param name="cause">What was thrown, if anything was.</param>
    public static BrookException Of(int code, string message, string path, Exception? cause = null)
    {
        var said = string.Create(CultureInfo.InvariantCulture, $"{message.TrimEnd('.')}, SQLite code {code}");
        if (code == NoRoomForIndex) return Full(path, said, cause);
        return (code & 0xff) switch
        {
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new BusyException($"{path} is locked by another connection ({said})."),
            raw.SQLITE_FULL => Full(path, said, cause),
            raw.SQLITE_READONLY or raw.SQLITE_PERM => ReadOnly(path, said, cause),
            raw.SQLITE_CANTOPEN => new($"{path} cannot be opened ({said}). Its folder must be there, and this process must be allowed to read and write the file and to make files beside it (-wal, -shm).", cause),
            raw.SQLITE_NOTADB => new($"{path} is no SQLite database, or an encrypted one ({said}). Nothing was written. Take another path, or move that file away.", cause),
            raw.SQLITE_CORRUPT => new($"{path} is damaged ({said}). Nothing was written. Restore a backup (docs/sqlite.md); or move the file away with its -wal and -shm, and a replay of the events makes a new one.", cause),
            raw.SQLITE_IOERR => new($"The disk failed under {path} ({said}). Whether a commit under way took effect is found out with the next call. Look at the system's log; network drives are not for SQLite.", cause),
            raw.SQLITE_TOOBIG => new($"A value for {path} is larger than SQLite takes ({said}). Nothing was written. Make smaller values.", cause),
            raw.SQLITE_NOMEM => new($"There is no memory left for {path} ({said}). Nothing was written.", cause) { IsTransient = true },
            _ => new($"SQLite refused a call to {path} ({said}). Nothing was written.", cause),
        };
    }

    public static BrookException ReadOnly(string path, string said, Exception? cause = null)
        => new($"{path} cannot be written ({said}). Nothing was written. Let this process write the file and its folder (SQLite keeps -wal and -shm beside it), and the file system not be mounted read-only.", cause);

    public static BrookException Busy(string path, TimeSpan waited, Exception cause)
        => new(string.Create(CultureInfo.InvariantCulture, $"{path} was locked by another process for {waited.TotalSeconds:0.#} s. Nothing was written; it is tried again. If this stays, look for a process that keeps a transaction open (fuser {System.IO.Path.GetFileName(path)}), or raise BusyTimeout."), cause) { IsTransient = true };

    public static BrookException Gone(string path)
        => new($"{path} is gone: it was deleted or moved while this application used it. Nothing was written. Put it back, with its -wal, and restart the application; or restart it, and it begins with an empty view.");

    private static FullException Full(string path, string said, Exception? cause)
        => new($"There is no room for {path} ({said}). Nothing was written. Make room on its disk; Brook goes on by itself.", cause) { IsTransient = true };
}
