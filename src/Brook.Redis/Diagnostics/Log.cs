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
}
