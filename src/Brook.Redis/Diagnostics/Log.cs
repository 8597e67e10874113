using Microsoft.Extensions.Logging;

namespace Brook.Redis;

/// <summary>Every message this package logs. No values and no credentials.</summary>
internal static partial class Log
{
    [LoggerMessage(201, LogLevel.Information, "The view '{Namespace}' is in Redis {Version} at {Endpoint}, database {Database}.", EventName = "RedisStarted")]
    public static partial void Started(ILogger logger, string @namespace, string version, string endpoint, int database);

    [LoggerMessage(202, LogLevel.Warning, "Redis at {Endpoint} may evict keys (maxmemory-policy {Policy}): a part of the view '{Namespace}' would vanish without a word. Set maxmemory-policy noeviction.", EventName = "RedisMayEvict")]
    public static partial void MayEvict(ILogger logger, string endpoint, string policy, string @namespace);

    [LoggerMessage(203, LogLevel.Warning, "Redis at {Endpoint} has no append-only file: when it is killed, the view '{Namespace}' goes back to the last snapshot, or to nothing. Set appendonly yes, unless a replay can bring it back.", EventName = "RedisForgets")]
    public static partial void Forgets(ILogger logger, string endpoint, string @namespace);

    [LoggerMessage(204, LogLevel.Error, "Removing expired entries failed; it is tried again. They are missing already.", EventName = "RedisSweepFailed")]
    public static partial void SweepFailed(ILogger logger, Exception error);

    [LoggerMessage(205, LogLevel.Warning, "Redis at {Endpoint} was started again; the view '{Namespace}' goes on. If it was killed or its machine went down, run BGREWRITEAOF once: the end of its append-only file may hold the beginning of a commit, which some servers apply at the start after this one (docs/redis.md).", EventName = "RedisRestarted")]
    public static partial void Restarted(ILogger logger, string endpoint, string @namespace);

    [LoggerMessage(206, LogLevel.Debug, "Redis at {Endpoint} came back, and was gone again when it was asked who it is ({Reason}).", EventName = "RedisLostAgain")]
    public static partial void LostAgain(ILogger logger, string endpoint, string reason);

    [LoggerMessage(207, LogLevel.Warning, "Redis at {Endpoint} does not let this user publish ({Reason}): who waits on another node for events that this one applies (WaitForAsync) notices up to a second late. Grant it: ACL SETUSER <user> +publish &{Prefix}*. The view '{Namespace}' is not concerned.", EventName = "RedisMayNotPublish")]
    public static partial void MayNotPublish(ILogger logger, string endpoint, string reason, string prefix, string @namespace);
}
