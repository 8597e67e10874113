using System.IO;
using System.Net.Sockets;
using System.Security.Authentication;
using Npgsql;

namespace Brook.Postgres;

/// <summary>What the server or the connection said, as a <see cref="BrookException"/> that says what to do. docs/errors.md lists the texts.</summary>
internal static class PostgresFailure
{
    /// <summary>Null: it is not the store's.</summary>
    public static BrookException? Of(Exception e, string endpoint, CancellationToken cancellationToken = default) => e switch
    {
        BrookException brook => brook,
        OperationCanceledException when cancellationToken.IsCancellationRequested => null,
        PostgresException server => OfServer(server, endpoint),
        NpgsqlException npgsql => OfConnection(npgsql, endpoint),
        TimeoutException or OperationCanceledException => Late(endpoint, e),
        SocketException or IOException => Unreachable(endpoint, e),
        ObjectDisposedException => new($"The connection to PostgreSQL at {endpoint} was closed by this application.", e),
        _ => null,
    };

    /// <summary>Another commit was in the way, and nothing was written: the same call may be made again at once.</summary>
    public static bool IsRace(PostgresException e) => e.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    /// <summary>An error of the server by its code.</summary>
    public static BrookException OfServer(PostgresException e, string endpoint)
    {
        var (at, said) = ($"PostgreSQL at {endpoint}", $"{e.SqlState}: {e.MessageText}");
        return e.SqlState switch
        {
            "28P01" or "28000" => new($"{at} does not accept the user or the password ({said}). Check both in the connection string.", e),
            "3D000" => new($"{at} does not have the database ({said}). Make it, or correct the connection string.", e),
            "42501" => new($"{at} does not allow this user what Brook needs ({said}). Grant it: PostgresSchema.Grants has the statements.", e),
            "3F000" or "42P01" or "42883" or "42703" => new($"{at} does not have what Brook needs ({said}): the schema was removed or changed while this application ran. Nothing was written. Restore it, and Brook goes on by itself; or restart the application, and it begins with an empty view.", e),
            "25006" => new($"{at} takes no writes now ({said}): it is a standby, or read-only. After a failover the pool finds the new primary when the connection string names all hosts; otherwise connect to the primary.", e) { IsTransient = true },
            "53300" => new($"{at} has no connection left ({said}). Raise max_connections, or lower Maximum Pool Size here.", e) { IsTransient = true },
            "53100" => new($"{at} has no disk space left and refused the call ({said}). Nothing was written. Make room; Brook goes on by itself.", e) { IsTransient = true },
            "57P03" => new($"{at} is starting or stopping ({said}). Brook goes on when it is there.", e) { IsTransient = true },
            "57P01" or "57P02" => new($"{at} ended the connection ({said}); whether a commit under way took effect is found out when it is back.", e) { IsTransient = true },
            "57014" or "55P03" or "25P03" or "57P05" => new($"{at} broke the call off ({said}): it took longer than the server allows. Look for what holds locks, or raise statement_timeout or lock_timeout.", e) { IsTransient = true },
            PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected => new($"{at} found other commits in the way again and again ({said}). Nothing was written; it is tried again.", e) { IsTransient = true },
            "22021" or "22P05" or "22P02" or "22003" or "22030" => new($"{at} cannot hold a value of this commit ({said}): it is not JSON in UTF-8, or has a number or depth that jsonb does not take. Nothing was written. PostgresValues.Text holds any JSON.", e),
            "54000" => new($"{at} cannot hold this commit ({said}). Nothing was written.", e),
            _ when e.SqlState.StartsWith("08", StringComparison.Ordinal) => Lost(endpoint, said, e),
            _ when e.SqlState.StartsWith("53", StringComparison.Ordinal) || e.SqlState.StartsWith("58", StringComparison.Ordinal) => new($"{at} is out of resources or cannot read its files ({said}).", e) { IsTransient = true },
            _ => new($"{at} refused a call: {said}", e),
        };
    }

    private static BrookException OfConnection(NpgsqlException e, string endpoint) => e switch
    {
        _ when e.Message.StartsWith("The connection pool has been exhausted", StringComparison.Ordinal) => new($"All connections of the pool to PostgreSQL at {endpoint} are taken. Raise Maximum Pool Size, or find who keeps them.", e) { IsTransient = true },
        _ when e.Message.Contains("password", StringComparison.OrdinalIgnoreCase) || e.Message.Contains("SSL", StringComparison.Ordinal) || e.InnerException is AuthenticationException
            => new($"PostgreSQL at {endpoint} did not let us in: {Cause(e)}. Check TLS, user and password in the connection string.", e),
        { InnerException: TimeoutException } => Late(endpoint, e),
        { InnerException: SocketException or AggregateException } when !e.Message.Contains("stream", StringComparison.Ordinal) => Unreachable(endpoint, e),
        _ when e.Message.StartsWith("No suitable host", StringComparison.Ordinal) => Unreachable(endpoint, e),
        _ => Lost(endpoint, Cause(e), e),
    };

    private static BrookException Unreachable(string endpoint, Exception e)
        => new($"PostgreSQL at {endpoint} cannot be reached ({Cause(e)}). Is it running, and is the address right? It is tried again.", e) { IsTransient = true };

    private static BrookException Lost(string endpoint, string cause, Exception e)
        => new($"The connection to PostgreSQL at {endpoint} was lost ({cause}); whether a commit under way took effect is found out when it is back.", e) { IsTransient = true };

    private static BrookException Late(string endpoint, Exception e)
        => new($"PostgreSQL at {endpoint} did not answer in time. It is busy, paused or cut off; whether the call took effect is found out when it answers again. If this happens often, look at pg_stat_activity, or raise Command Timeout.", e) { IsTransient = true };

    private static string Cause(Exception e)
    {
        while (e.InnerException is { } inner) e = inner;
        return e.Message.TrimEnd('.');
    }
}
