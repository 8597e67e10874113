// Faults of the store, and of others who write to it, over any transport that has everything still.
namespace Brook.Faults;

internal sealed class BusStoreKilled : BusFault
{
    public override string Name => "store-killed";
    public override bool AppliesTo(Transport transport, Store store) => store is Redis && base.AppliesTo(transport, store);
    public override string About => "kill -9 of the store, twice; it has what it confirmed";

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(2); i++)
        {
            await Crash.RunAsync(trial, (RedisHost)trial.Host, null, rewrite: true, cancellationToken);
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class BusStoreCut : BusFault
{
    public override string Name => "store-cut";
    public override bool AppliesTo(Transport transport, Store store) => store is Redis && base.AppliesTo(transport, store);
    public override string About => "connections between workers and the store are cut, or answers swallowed for a while and then cut, at random moments";
    public override Needs Needs => new(Proxy: true);

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var chaos = ((RedisHost)trial.Host).Proxy!.ChaosAsync(trial.Random.Next(), TimeSpan.FromMilliseconds(100), over.Token);
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
        await over.CancelAsync();
        trial.Injected += await chaos;
    }
}

internal sealed class BusCompetingWriter : BusFault
{
    public override string Name => "competing-writer";
    public override string About => CompetingWriter.About;

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        await using var writer = new CompetingWriter(trial.OpenView(), Partitions, trial.Random.Next());
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
        trial.Injected += await writer.EndAsync();
    }
}

internal sealed class BusHotKeys : BusFault
{
    public override string Name => "hot-keys";
    public override string About => "one or two events per commit, all of which change the same entry, from two processes; a fault is a conflict";
    public override int BatchEvents => 2;
    public override int Slow => 0;

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        await trial.SpreadAsync(cancellationToken);
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
        trial.Injected += (int)trial.Conflicts;
    }
}
