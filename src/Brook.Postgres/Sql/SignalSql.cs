using System.Security.Cryptography;
using System.Text;

namespace Brook.Postgres;

/// <summary>What waiters and the commit function have agreed on (schema.sql): who waits for a lane holds a shared advisory lock of its name and listens on the schema's channel.</summary>
internal static class SignalSql
{
    /// <summary>A name that every schema fits into: channels have 63 bytes at most.</summary>
    public static string ChannelOf(string schema) => $"brook_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(schema)))[..16]}";

    /// <summary>What a lane's name stands behind in the text that is hashed to the number of its lock.</summary>
    public static string LockOf(string schema) => $"brook:{schema}:lane:";

    /// <summary>Another number than the connection has been told: a pooler stands between, and what is set on a session is not ours.</summary>
    public const string Session = "SELECT pg_backend_pid()";

    /// <summary>Waits for a commit of the lane that is under way. $1: what is hashed.</summary>
    public const string Lock = "SELECT pg_advisory_lock_shared(hashtextextended($1, 0))";

    /// <summary>$1: what is hashed.</summary>
    public const string Unlock = "SELECT pg_advisory_unlock_shared(hashtextextended($1, 0))";

    /// <summary>The connection goes back to the pool as it came.</summary>
    public const string End = "UNLISTEN *; SELECT pg_advisory_unlock_all()";

    public static string Listen(string schema) => $"LISTEN {ChannelOf(schema)}";
}
