// Faults of redis-server itself.
using System.Globalization;

namespace Brook.Faults;

internal sealed class RedisKill : RedisFault
{
    public override string Name => "redis-kill";
    public override string About => "kill -9 of redis-server, twice; its append-only file is flushed at each commit. BGREWRITEAOF after each (bench/README.md)";

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++) await Crash.RunAsync(trial, redis, null, rewrite: true, cancellationToken);
    }
}

internal sealed class RedisKillEverySecond : RedisFault
{
    public override string Name => "redis-kill-everysec";
    public override string About => "the same; its file is flushed once a second, so it may lose two seconds, and go back";
    public override Needs Needs => new(EverySecond: true);
    public override bool Rewinds => true;

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++) await Crash.RunAsync(trial, redis, null, rewrite: true, cancellationToken);
    }
}

internal sealed class AofTruncated : RedisFault
{
    public override string Name => "aof-truncated";
    public override string About => "the end of the file is cut off at a random byte, as by a crash of the machine: it goes back. Messages: what it had confirmed is gone, and must be told";
    public override bool Rewinds => true;

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++) await Crash.RunAsync(trial, redis, Crash.Cut, rewrite: true, cancellationToken);
    }
}

/// <summary>
/// Not Brook's: a server without the fix of https://github.com/valkey-io/valkey/pull/4342 leaves the beginning of the torn commit in its file, and runs it at the next start. bench/README.md.
/// </summary>
internal sealed class AofTornTwice : RedisFault
{
    public override string Name => "aof-torn-twice";
    public override string About => "as aof-truncated, without BGREWRITEAOF: many servers apply a torn commit in part at the second start. Only with --only";
    public override bool Rewinds => true;
    public override bool IsAskedFor => true;

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++) await Crash.RunAsync(trial, redis, Crash.Cut, rewrite: false, cancellationToken);
    }
}

internal static class Crash
{
    /// <summary>kill -9, perhaps something done to the file, and a start.</summary>
    public static async Task RunAsync(ITrial trial, RedisHost redis, Action<ITrial, RedisHost>? damage, bool rewrite, CancellationToken cancellationToken)
    {
        await trial.MomentAsync(cancellationToken);
        var data = await redis.DataIdAsync();
        await redis.Server.KillAsync();
        damage?.Invoke(trial, redis);
        trial.Injected++;
        await trial.PauseAsync(150, cancellationToken);
        await redis.Server.RestartAsync(cancellationToken);
        if (rewrite) await redis.RewriteAsync(cancellationToken);
        if (await redis.DataIdAsync() == data) return;

        // All is gone. Brook must say so, write nothing, and wait until the data is restored or the application is started again.
        await trial.UntilAsync(() => trial.Alive.All(worker => worker.LogTail().Contains("is not what this application started with", StringComparison.Ordinal)), "workers to say that the data is gone", cancellationToken);
        trial.DataIsGone();
        foreach (var worker in trial.Alive.ToArray()) await trial.KillWorkerAsync(worker);
    }

    public static void Cut(ITrial trial, RedisHost redis)
    {
        if (trial.Random.Next(2) == 0) redis.Server.TruncateAppendOnlyFile(trial.Random.NextInt64(1, 4000));
        else redis.Server.TruncateAppendOnlyFile(trial.Random.NextDouble() * 0.7);
    }
}

internal sealed class OutOfMemory : RedisFault
{
    public override string Name => "oom";
    public override string About => "maxmemory is set below what is used, and back";

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++)
        {
            await trial.MomentAsync(cancellationToken);
            var used = long.Parse((await redis.Server.InfoAsync("memory"))["used_memory"], CultureInfo.InvariantCulture);
            await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory", (used * 9 / 10).ToString(CultureInfo.InvariantCulture));
            trial.Injected++;
            await trial.PauseAsync(150, cancellationToken);
            await redis.Server.CommandAsync("CONFIG", "SET", "maxmemory", "0");
        }
    }
}

internal sealed class RightsTaken : RedisFault
{
    private static readonly string[] s_rights = ["hset", "zadd", "rpush", "evalsha", "hdel", "ltrim"];

    public override string Name => "rights-taken";
    public override string About => "a command is forbidden to the workers' user, and allowed again";

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        foreach (var right in s_rights)
        {
            await trial.MomentAsync(cancellationToken);
            await redis.Server.CommandAsync("ACL", "SETUSER", "default", $"-{right}");
            trial.Injected++;
            await trial.PauseAsync(100, cancellationToken);
            await redis.Server.CommandAsync("ACL", "SETUSER", "default", $"+{right}");
        }
    }
}

internal sealed class RedisPaused : RedisFault
{
    public override string Name => "redis-paused";
    public override string About => "redis-server is stopped for one to two seconds: calls time out, and take effect when it goes on";

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        await trial.MomentAsync(cancellationToken);
        await redis.Server.PauseAsync();
        trial.Injected++;
        await Task.Delay(trial.Random.Next(1000, 2000), cancellationToken);
        await redis.Server.ResumeAsync();
    }
}

internal sealed class ScriptFlush : RedisFault
{
    public override string Name => "script-flush";
    public override string About => "SCRIPT FLUSH";

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 10; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await redis.Server.CommandAsync("SCRIPT", "FLUSH");
            trial.Injected++;
        }
    }
}

internal sealed class ClientKill : RedisFault
{
    public override string Name => "client-kill";
    public override string About => "CLIENT KILL of all connections";

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await redis.Server.CommandAsync("CLIENT", "KILL", "TYPE", "normal");
            trial.Injected++;
        }
    }
}
