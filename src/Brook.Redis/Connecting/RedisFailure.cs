using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>What the server or the connection said, as a <see cref="BrookException"/> that says what to do. docs/errors.md lists the texts.</summary>
internal static class RedisFailure
{
    private const string GarnetPrefix = "ERR Lua encountered an error: ";

    /// <summary>Null: it is not the store's.</summary>
    public static BrookException? Of(Exception e, string endpoint) => e switch
    {
        BrookException brook => brook,
        RedisServerException server => OfServer(server.Message, endpoint, server),
        RedisTimeoutException => new($"Redis at {endpoint} did not answer in time. It is busy, paused or cut off; whether the call took effect is found out when it answers again. If this happens often, look at SLOWLOG, or raise asyncTimeout.", e) { IsTransient = true },
        RedisConnectionException lost => Connection(lost, endpoint),
        RedisCommandException => new($"Redis at {endpoint} cannot be asked: {e.Message}", e),
        ObjectDisposedException => new($"The connection to Redis at {endpoint} was closed by this application.", e),
        _ => null,
    };

    public static BrookException Unreachable(string endpoint, Exception? cause)
        => new($"Redis at {endpoint} cannot be reached{(cause is null ? "" : $" ({Cause(cause)})")}. Is it running, and is the address right? It is tried again.", cause) { IsTransient = true };

    /// <summary>An error reply by its first word.</summary>
    public static BrookException OfServer(string message, string endpoint, Exception? cause = null, string? key = null)
    {
        var at = $"Redis at {endpoint}";
        if (message.StartsWith(GarnetPrefix, StringComparison.Ordinal)) message = message[GarnetPrefix.Length..];
        if (IsDenied(message)) return new($"{at} does not allow this user what Brook needs ({message}). Grant it: docs/redis.md has the ACL line.", cause);
        return CodeOf(message) switch
        {
            "WRONGTYPE" => new($"{at} holds something else than Brook's at {key ?? "a key of the namespace"} ({message}). Another program uses the namespace: rename or remove that key, or give this view another Namespace. Nothing was written.", cause),
            "OOM" => new($"{at} has no memory left (maxmemory) and refused the call ({message}). Nothing was written. Give it more memory, or remove data; Brook goes on by itself.", cause) { IsTransient = true },
            "READONLY" => new($"{at} is a replica and takes no writes ({message}). After a failover the connection finds the new primary; otherwise connect to the primary.", cause) { IsTransient = true },
            "NOAUTH" or "WRONGPASS" => new($"{at} does not accept the user or the password ({message}). Check both in the connection's configuration.", cause),
            "LOADING" => new($"{at} is loading its data. Brook goes on when it has.", cause) { IsTransient = true },
            "MASTERDOWN" or "CLUSTERDOWN" or "TRYAGAIN" or "MOVED" or "ASK" or "UNBLOCKED" => new($"{at} is changing ({message}). Brook goes on when that is over.", cause) { IsTransient = true },
            "BUSY" => new($"{at} is busy with a script that takes too long ({message}). SCRIPT KILL ends one that has not written.", cause) { IsTransient = true },
            "MISCONF" => new($"{at} cannot write to its disk and takes no writes ({message}). Make room there; Brook goes on by itself.", cause) { IsTransient = true },
            "NOREPLICAS" => new($"{at} has too few replicas to take writes ({message}).", cause) { IsTransient = true },
            "CROSSSLOT" => new($"{at} is a cluster and keeps the keys of this view apart ({message}). Use a namespace that is one hash tag: {{name}}.", cause),
            _ => new($"{at} refused a command: {message}", cause),
        };
    }

    /// <summary>What a probe found out; nothing when all is allowed.</summary>
    /// <param name="denied">Commands, each followed by what the server said.</param>
    /// <param name="prefix">What the names of the keys begin with.</param>
    /// <param name="endpoint">Where the server is.</param>
    /// <param name="key">The probe's key.</param>
    public static void ThrowIfDenied(ReadOnlySpan<string?> denied, string prefix, string endpoint, string key)
    {
        if (denied.IsEmpty) return;
        var commands = new List<string>();
        for (var i = 0; i < denied.Length; i += 2)
            if (!commands.Contains(denied[i]!)) commands.Add(denied[i]!);
        var said = denied[1] ?? "";
        if (!IsDenied(said)) throw OfServer(said, endpoint, key: key);
        throw new BrookException($"Redis at {endpoint} does not allow this user {string.Join(", ", commands)} on {prefix}* ({said}). Grant it: ACL SETUSER <user> ~{prefix}* {string.Join(' ', commands.Select(command => $"+{command.ToLowerInvariant()}"))}");
    }

    /// <summary>A denied command is NOPERM when it is called, but not when a script calls it.</summary>
    public static bool IsDenied(string message) => message.StartsWith("NOPERM", StringComparison.Ordinal) || message.Contains("ACL failure", StringComparison.Ordinal) || message.Contains("The user executing the script can't", StringComparison.Ordinal);

    private static string CodeOf(string message)
    {
        var space = message.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? message : message[..space];
    }

    private static BrookException Connection(RedisConnectionException e, string endpoint) => e.FailureType switch
    {
        ConnectionFailureType.AuthenticationFailure => new($"Redis at {endpoint} did not let us in: {Cause(e)}. Check TLS, certificate, user and password in the connection's configuration.", e),
        ConnectionFailureType.UnableToConnect or ConnectionFailureType.UnableToResolvePhysicalConnection => Unreachable(endpoint, e),
        _ => new($"The connection to Redis at {endpoint} was lost ({Cause(e)}); whether a commit under way took effect is found out when it is back.", e) { IsTransient = true },
    };

    /// <summary>The innermost text; what StackExchange.Redis advises to set is set otherwise on purpose.</summary>
    private static string Cause(Exception e)
    {
        while (e.InnerException is { } inner) e = inner;
        var advice = e.Message.IndexOf(" To allow this", StringComparison.Ordinal);
        return (advice < 0 ? e.Message : e.Message[..advice]).TrimEnd('.');
    }
}
