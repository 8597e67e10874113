using Microsoft.Extensions.Logging;

namespace Brook.Sqlite;

/// <summary>Every message this package logs. No values and no keys.</summary>
internal static partial class Log
{
    [LoggerMessage(221, LogLevel.Information, "The view is in {Path} (SQLite {Version}, schema {Schema}, {Durability}).", EventName = "SqliteStarted")]
    public static partial void Started(ILogger logger, string path, string version, int schema, SqliteDurability durability);

    [LoggerMessage(222, LogLevel.Information, "The schema of {Path} was brought from version {From} to {To}.", EventName = "SqliteMigrated")]
    public static partial void Migrated(ILogger logger, string path, int from, int to);

    [LoggerMessage(223, LogLevel.Error, "Removing expired entries failed; it is tried again. They are missing already.", EventName = "SqliteSweepFailed")]
    public static partial void SweepFailed(ILogger logger, Exception error);
}
