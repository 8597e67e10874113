// Faults of the store, and of others who write to it, under a node that goes on.
using Brook.Testing;

namespace Brook.Faults;

internal sealed class LocalCalm : LocalFault
{
    public override string Name => "calm";
    public override string About => "nothing goes wrong, but for events that fail";

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
    }
}

internal sealed class LocalLostAnswers : LocalFault
{
    public override string Name => "lost-answers";
    public override string About => "every fifth commit lands and its answer gets lost, one in seven does not land, one read in ten fails: also those that settle what has become of a commit";

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        var seed = trial.Random.Next();
        node.Faulty.FailRandomly(FaultPoint.AfterCommit, 0.2, seed).FailRandomly(FaultPoint.BeforeCommit, 0.15, seed + 1).FailRandomly(FaultPoint.Read, 0.1, seed + 2);
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
        node.Faulty.Heal();
        trial.Injected += (int)node.Faults;
    }
}

internal sealed class LocalStoreAway : LocalFault
{
    public override string Name => "store-away";
    public override string About => "the store is away for up to 0.4 s, five times; a fault is a call that failed";

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(5); i++)
        {
            await trial.MomentAsync(cancellationToken);
            node.Faulty.IsAway = true;
            await trial.PauseAsync(400, cancellationToken);
            node.Faulty.IsAway = false;
        }
        await trial.EverywhereAsync(cancellationToken);
        trial.Injected += (int)node.Faults;
    }
}

internal sealed class LocalSlowStore : LocalFault
{
    public override string Name => "slow-store";
    public override string About => "commits take up to 60 ms more, while the sender does not wait";
    public override int Slow => 60;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(4); i++)
        {
            await trial.MomentAsync(cancellationToken);
            trial.Injected++;
        }
    }
}

internal sealed class LocalLaneCut : LocalFault
{
    public override string Name => "lane-cut";
    public override string About => "a lane is cut off before, in or after a commit, by an error that no waiting mends or by another owner who claims it; it begins again; eight times";
    public override bool AppliesTo(Transport transport, Store store) => transport is InMemoryTransport;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(8); i++)
        {
            await trial.MomentAsync(cancellationToken);
            if (i % 4 == 3) node.Faulty.FailNext((FaultPoint)trial.Random.Next(1, 4), times: trial.Random.Next(1, 3), transient: false);
            else await node.ClaimAsync(trial.Random.Next(Partitions), cancellationToken);
            trial.Injected++;
        }
        await trial.EverywhereAsync(cancellationToken);
    }
}

internal sealed class LocalCompetingWriter : LocalFault
{
    public override string Name => "competing-writer";
    public override string About => CompetingWriter.About;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        await using var writer = new CompetingWriter(trial.OpenView(), Partitions, trial.Random.Next());
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
        trial.Injected += await writer.EndAsync();
    }
}

internal sealed class LocalStoreKilled : LocalFault
{
    public override string Name => "store-killed";
    public override string About => "kill -9 of the store, twice; it has what it confirmed, and the node goes on";
    public override bool AppliesTo(Transport transport, Store store) => transport is InMemoryTransport && store is Redis;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(2); i++)
        {
            await Crash.RunAsync(trial, (RedisHost)trial.Host, null, rewrite: true, cancellationToken);
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class LocalHotKeys : LocalFault
{
    public override string Name => "hot-keys";
    public override string About => "one or two events per commit, all of which change the same entry; a fault is a conflict";
    public override int BatchEvents => 2;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
        trial.Injected += (int)node.Count().Conflicts;
    }
}
