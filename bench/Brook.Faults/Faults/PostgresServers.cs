// Faults of PostgreSQL, and of the network before it.
namespace Brook.Faults;

internal abstract class PostgresFault : Fault
{
    public override bool AppliesTo(Store store, Feed feed) => store is Postgres;

    public sealed override Task InjectAsync(Trial trial, CancellationToken cancellationToken) => InjectAsync(trial, (PostgresHost)trial.Host, cancellationToken);

    protected abstract Task InjectAsync(Trial trial, PostgresHost postgres, CancellationToken cancellationToken);
}

internal sealed class PostgresKill : PostgresFault
{
    public override string Name => "postgres-kill";
    public override string About => "kill -9 of PostgreSQL with all its processes, twice";

    protected override async Task InjectAsync(Trial trial, PostgresHost postgres, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await postgres.Server.KillAsync();
            trial.Injected++;
            await trial.PauseAsync(150, cancellationToken);
            await postgres.Server.RestartAsync(cancellationToken);
        }
    }
}

internal sealed class PostgresRestart : PostgresFault
{
    public override string Name => "postgres-restart";
    public override string About => "PostgreSQL is shut down (it cuts its clients off) and started again, twice";

    protected override async Task InjectAsync(Trial trial, PostgresHost postgres, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await postgres.Server.RestartAsync(cancellationToken);
            trial.Injected++;
        }
    }
}

internal sealed class PostgresTerminate : PostgresFault
{
    public override string Name => "postgres-terminate";
    public override string About => "pg_terminate_backend for all connections, at random moments";

    protected override async Task InjectAsync(Trial trial, PostgresHost postgres, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await postgres.Server.QueryAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
            trial.Injected++;
        }
    }
}

internal sealed class PostgresCuts : PostgresFault
{
    public override string Name => "postgres-cuts";
    public override string About => "connections are cut, or replies swallowed for a while and then cut, at random moments";
    public override Needs Needs => new(Proxy: true);

    protected override async Task InjectAsync(Trial trial, PostgresHost postgres, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var chaos = postgres.Proxy!.ChaosAsync(trial.Random.Next(), TimeSpan.FromMilliseconds(60), over.Token);
        for (var i = 0; i < 6; i++) await trial.MomentAsync(cancellationToken);
        await over.CancelAsync();
        trial.Injected += await chaos;
    }
}

internal sealed class PostgresLostAnswers : PostgresFault
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);

    public override string Name => "postgres-lost-answers";
    public override string About => "a commit arrives, its answer does not, and the connection is cut";
    public override Needs Needs => new(Proxy: true);

    protected override async Task InjectAsync(Trial trial, PostgresHost postgres, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await postgres.Proxy!.LoseNextReplyAsync("brook_commit").WaitAsync(s_deadline, cancellationToken);
            trial.Injected++;
        }
    }
}
