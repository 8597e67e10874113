// Faults of the network between workers and redis-server.
namespace Brook.Faults;

internal sealed class Cuts : RedisFault
{
    public override string Name => "cuts";
    public override string About => "connections are cut, or replies swallowed for a while and then cut, at random moments";
    public override Needs Needs => new(Proxy: true);

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var chaos = redis.Proxy!.ChaosAsync(trial.Random.Next(), TimeSpan.FromMilliseconds(60), over.Token);
        for (var i = 0; i < 6; i++) await trial.MomentAsync(cancellationToken);
        await over.CancelAsync();
        trial.Injected += await chaos;
    }
}

internal sealed class LostAnswers : RedisFault
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(5);

    public override string Name => "lost-answers";
    public override string About => "a commit arrives, its answer does not, and the connection is cut";
    public override Needs Needs => new(Proxy: true);

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await redis.Proxy!.LoseNextReplyAsync("EVALSHA").WaitAsync(s_deadline, cancellationToken);
            trial.Injected++;
        }
    }
}

internal sealed class SlowNetwork : RedisFault
{
    public override string Name => "slow-network";
    public override string About => "every piece is late, and comes byte by byte";
    public override Needs Needs => new(Proxy: true);

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++)
        {
            (redis.Proxy!.Delay, redis.Proxy.SegmentSize) = (TimeSpan.FromMilliseconds(trial.Random.Next(1, 8)), trial.Random.Next(2) == 0 ? 1 : trial.Random.Next(2, 100));
            trial.Injected++;
            await trial.MomentAsync(cancellationToken);
        }
        (redis.Proxy!.Delay, redis.Proxy.SegmentSize) = (TimeSpan.Zero, 0);
    }
}

internal sealed class Storm : RedisFault
{
    public override string Name => "storm";
    public override string About => "duplicates, cuts, kills of workers and of redis-server, all at once";
    public override Needs Needs => new(Proxy: true);
    public override bool Repeats => true;

    protected override async Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var chaos = redis.Proxy!.ChaosAsync(trial.Random.Next(), TimeSpan.FromMilliseconds(100), over.Token);
        for (var i = 0; i < 3; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await trial.KillWorkerAsync(trial.AnyWorker);
            if (i != 1) continue;
            await redis.Server.KillAsync();
            await redis.Server.RestartAsync(cancellationToken);
            trial.Injected++;
        }
        await over.CancelAsync();
        trial.Injected += await chaos + (int)trial.Broker.Copies;
    }
}
