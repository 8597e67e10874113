using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>What must be right before the first event: the server answers, is new enough, lets this user run what Brook runs, and holds our data or none.</summary>
internal sealed class StartCheck(RedisConnection connection, RedisNames names, DataId data, RedisSignals signals, string space, ILogger logger)
{
    private static readonly Version s_oldest = new(6, 2);
    private string? _run;               // which start of the server it was

    /// <exception cref="BrookException">Something is not right; transient when the server is away.</exception>
    public async ValueTask RunAsync(CancellationToken cancellationToken)
    {
        await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        await CheckUserAsync(cancellationToken).ConfigureAwait(false);
        var denied = (string?[]?)await connection.RunAsync(Script.Probe, [names.Probe], [], cancellationToken).ConfigureAwait(false) ?? [];
        RedisFailure.ThrowIfDenied(denied, names.Prefix, connection.Endpoint, names.Probe!);
        var about = await AboutAsync(cancellationToken).ConfigureAwait(false);
        CheckServer(about);
        _run = about.GetValueOrDefault("run_id");
        await data.OpenAsync(cancellationToken).ConfigureAwait(false);
        await signals.OpenAsync(about, cancellationToken).ConfigureAwait(false);
        Log.Started(logger, space, about.GetValueOrDefault("redis_version", "(unknown)"), connection.Endpoint, connection.Database.Database);
    }

    /// <summary>The connection was lost and is back: is it the server that was there before, or one that was started again?</summary>
    public async Task LookAgainAsync(CancellationToken cancellationToken)
    {
        data.Doubt();
        try
        {
            var about = await AboutAsync(cancellationToken).ConfigureAwait(false);
            var before = Interlocked.Exchange(ref _run, about.GetValueOrDefault("run_id"));
            if (before is not null && _run is not null && before != _run && about.GetValueOrDefault("aof_enabled") == "1") Log.Restarted(logger, connection.Endpoint, space);
        }
        catch (BrookException e)
        {
            Log.LostAgain(logger, connection.Endpoint, e.Message);      // and asked again when it is back
        }
    }

    private async ValueTask<Dictionary<string, string>> AboutAsync(CancellationToken cancellationToken)
    {
        var about = new Dictionary<string, string>();
        foreach (var line in ((string?)await connection.RunAsync(Script.About, [names.Probe], [], cancellationToken).ConfigureAwait(false) ?? "").Split('\n'))
            if (line.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon) about[line[..colon]] = line[(colon + 1)..].Trim();
        return about;
    }

    private void CheckServer(Dictionary<string, string> about)
    {
        if (about.TryGetValue("redis_version", out var text) && Version.TryParse(text, out var version) && version < s_oldest)
            throw new BrookException($"Redis at {connection.Endpoint} is version {text}; Brook needs {s_oldest} or newer (or Valkey). Update the server.");
        if (about.TryGetValue("maxmemory_policy", out var policy) && policy.StartsWith("allkeys", StringComparison.Ordinal)) Log.MayEvict(logger, connection.Endpoint, policy, space);
        if (about.TryGetValue("aof_enabled", out var aof) && aof == "0") Log.Forgets(logger, connection.Endpoint, space);
    }

    /// <summary>StackExchange.Redis goes on as the default user when that one needs no password and ours was refused.</summary>
    private async ValueTask CheckUserAsync(CancellationToken cancellationToken)
    {
        if (connection.User is not { Length: > 0 } user) return;
        string? me;
        try
        {
            using var reply = await connection.ExecuteAsync("ACL", new RedisKeyOrValue[] { (RedisValue)"WHOAMI" }, cancellationToken).ConfigureAwait(false);
            me = reply.ReadScalar().ReadString();
        }
        catch (BrookException e) when (!e.IsTransient)
        {
            return;                             // it may not ask: then it is not the default user
        }
        if (me != user) throw new BrookException($"Redis at {connection.Endpoint} did not accept the user '{user}' or its password, and the connection is the user '{me}' now. Check both in the connection's configuration.");
    }
}
