using Microsoft.Extensions.Logging;

namespace Brook.Postgres;

/// <summary>Every message this package logs. No values and no credentials.</summary>
internal static partial class Log
{
    [LoggerMessage(601, LogLevel.Information, "The view '{Schema}' is in PostgreSQL {Version} at {Endpoint}.", EventName = "PostgresStarted")]
    public static partial void Started(ILogger logger, string schema, string version, string endpoint);

    [LoggerMessage(602, LogLevel.Information, "The schema '{Schema}' at {Endpoint} was made or brought up to date: it is version {Version} now.", EventName = "PostgresMigrated")]
    public static partial void Migrated(ILogger logger, string schema, string endpoint, int version);

    [LoggerMessage(603, LogLevel.Warning, "PostgreSQL at {Endpoint} has {Setting} off: a crash can lose the last commits of the view '{Schema}', or with fsync more than those. The events since are to be applied again.", EventName = "PostgresForgets")]
    public static partial void Forgets(ILogger logger, string endpoint, string setting, string schema);

    [LoggerMessage(604, LogLevel.Error, "Removing expired entries failed; it is tried again. They are missing already.", EventName = "PostgresSweepFailed")]
    public static partial void SweepFailed(ILogger logger, Exception error);

    [LoggerMessage(605, LogLevel.Warning, "The connection that listens for commits of other nodes (view '{Schema}') cannot be made or was lost; who waits (WaitForAsync) notices them up to a second late until it is back. {Reason}", EventName = "PostgresNotListening")]
    public static partial void NotListening(ILogger logger, string schema, string reason);

    [LoggerMessage(606, LogLevel.Information, "A pooler stands between this application and PostgreSQL at {Endpoint}, so nothing can listen there: who waits on this node (WaitForAsync) for events that another one applies notices them up to a second late. The view '{Schema}' is not concerned.", EventName = "PostgresPooled")]
    public static partial void Pooled(ILogger logger, string schema, string endpoint);
}
