// Faults of those who apply events, on any store.
namespace Brook.Faults;

internal sealed class Calm : Fault
{
    public override string Name => "calm";
    public override string About => "nothing goes wrong";

    public override async Task InjectAsync(Trial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++) await trial.MomentAsync(cancellationToken);
    }
}

internal sealed class WorkerKill : Fault
{
    public override string Name => "worker-kill";
    public override string About => "kill -9 of a worker, four times; others take its lanes";

    public override async Task InjectAsync(Trial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await trial.KillWorkerAsync(trial.AnyWorker);
        }
    }
}

internal sealed class Zombie : Fault
{
    public override string Name => "zombie";
    public override string About => "a worker is stopped, others take its lanes and go on, it wakes up and goes on too";

    public override async Task InjectAsync(Trial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.MomentAsync(cancellationToken);
            var zombie = trial.AnyWorker;
            var lanes = trial.Broker.LanesOf(zombie);
            await zombie.PauseAsync();
            foreach (var lane in lanes) trial.Broker.Give(lane, trial.Alive.First(worker => worker != zombie));
            if (trial.Host is SqliteHost) await trial.MomentAsync(TimeSpan.FromSeconds(2), cancellationToken);       // stopped in a transaction, it keeps the file locked
            else await trial.MomentAsync(cancellationToken);
            zombie.Resume();
            trial.Injected++;
            await trial.MomentAsync(cancellationToken);
            await trial.MomentAsync(cancellationToken);
            foreach (var lane in lanes) trial.Broker.Give(lane, zombie);
        }
    }
}

internal sealed class Handover : Fault
{
    public override string Name => "handover";
    public override string About => "lanes go to another worker while the one that has them works on";

    public override async Task InjectAsync(Trial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 12; i++)
        {
            await trial.MomentAsync(cancellationToken);
            var from = trial.Alive.First(worker => trial.Broker.LanesOf(worker).Count > 0);
            var lanes = trial.Broker.LanesOf(from);
            trial.Broker.Give(lanes[trial.Random.Next(lanes.Count)], trial.Alive.First(worker => worker != from));
            trial.Injected++;
        }
    }
}

internal sealed class Duplicates : Fault
{
    public override string Name => "duplicates";
    public override string About => "messages come two or three times, old ones too, and to both workers; runs of offsets begin too early";
    public override bool Repeats => true;

    public override async Task InjectAsync(Trial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            if (i % 3 == 1) await trial.KillWorkerAsync(trial.AnyWorker);       // ids must be known to the next one too
            foreach (var lane in trial.Broker.LanesOf(trial.AnyWorker)) trial.Broker.Give(lane, trial.AnyWorker);
            trial.Injected++;
        }
        trial.Injected += (int)trial.Broker.Copies;
    }
}

internal sealed class HotKeys : Fault
{
    public override string Name => "hot-keys";
    public override string About => "one or two events per commit, all of which change the same entry; a fault is a conflict";
    public override int Together => 2;

    public override async Task InjectAsync(Trial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 8; i++) await trial.MomentAsync(cancellationToken);
        trial.Injected = (int)trial.Broker.Conflicts;
    }
}
