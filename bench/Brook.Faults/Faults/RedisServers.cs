// Faults of redis-server itself.
using System.Globalization;

namespace Brook.Faults;

internal sealed class RedisKill : RedisFault
{
    public override string Name => "redis-kill";
    public override string About => "kill -9 of redis-server, twice; the append-only file is flushed at each commit";

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await redis.Server.KillAsync();
            trial.Injected++;
            await trial.PauseAsync(150, cancellationToken);
            await redis.Server.RestartAsync(cancellationToken);
        }
    }
}

internal sealed class RedisKillEverySecond : RedisFault
{
    private readonly RedisKill _kill = new();

    public override string Name => "redis-kill-everysec";
    public override string About => "the same; the append-only file is flushed once a second";
    public override Needs Needs => new(EverySecond: true);

    protected override Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken) => _kill.InjectAsync(trial, cancellationToken);
}

internal sealed class AofTruncated : RedisFault
{
    public override string Name => "aof-truncated";
    public override string About => "redis-server is killed and the end of its file cut off at a random byte, as by a crash of the machine: it goes back";
    public override bool Rewinds => true;

    // Acknowledged messages are lost then: only one who can read offsets again is made whole.
    public override bool AppliesTo(Store store, Feed feed) => base.AppliesTo(store, feed) && feed == Feed.Offsets;

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.MomentAsync(cancellationToken);
            var data = await redis.DataIdAsync();
            await redis.Server.KillAsync();
            if (trial.Random.Next(2) == 0) redis.Server.TruncateAppendOnlyFile(trial.Random.NextInt64(1, 4000));
            else redis.Server.TruncateAppendOnlyFile(trial.Random.NextDouble() * 0.7);
            trial.Injected++;
            await redis.Server.RestartAsync(cancellationToken);
            if (await redis.DataIdAsync() == data) continue;
            foreach (var worker in trial.Alive.ToArray()) await trial.KillWorkerAsync(worker);      // all is gone: Brook waits until applications are started again
        }
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
