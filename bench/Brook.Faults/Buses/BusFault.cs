// Faults of workers, over any transport. Those of one transport are in its folder.
namespace Brook.Faults;

/// <summary>One thing that goes wrong over a transport. A new one is one small class: it is found by being a class.</summary>
internal abstract class BusFault
{
    public static IReadOnlyList<BusFault> All { get; } =
    [
        .. typeof(BusFault).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(BusFault)) && !type.IsAbstract).Select(type => (BusFault)Activator.CreateInstance(type)!)
            .OrderBy(fault => fault.Name, StringComparer.Ordinal),
    ];

    public abstract string Name { get; }

    /// <summary>What is done, in a line.</summary>
    public abstract string About { get; }

    /// <summary>What the store must be started with.</summary>
    public virtual Needs Needs => default;

    /// <summary>How many workers there are at first.</summary>
    public virtual int Workers => 2;

    public virtual int Partitions => 4;

    /// <summary>How many events a partition has in all; null: as many as there are while the fault is at work.</summary>
    public virtual int? Each => null;

    public virtual int BatchEvents => 10;

    /// <summary>Commits take up to so many milliseconds more.</summary>
    public virtual int Slow => 16;

    /// <summary>The broker must notice soon that a worker does not answer.</summary>
    public virtual bool NoticesSoon => false;

    /// <summary>Every event has an id that its sender gave it: the fault makes the broker keep some twice.</summary>
    public virtual bool HasIds => false;

    /// <summary>Whether the store loses what it has confirmed, so that readers see it go back.</summary>
    public virtual bool Rewinds => false;

    /// <summary>How long anything may take.</summary>
    public virtual TimeSpan Deadline => TimeSpan.FromSeconds(30);

    /// <summary>When nothing has changed for so long and the queues are empty, nothing will.</summary>
    public virtual TimeSpan Quiet => TimeSpan.FromSeconds(5);

    /// <summary>Runs only when it is named.</summary>
    public virtual bool IsAskedFor => false;

    /// <summary>Of workers that are processes: their queues and their view must outlive them.</summary>
    public virtual bool AppliesTo(Transport transport, Store store) => transport is not InMemoryTransport && store is not InMemory;

    /// <summary>Before the first event, when the workers are there.</summary>
    public virtual Task PrepareAsync(BusTrial trial, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Does it, some times, while the trial runs.</summary>
    public abstract Task InjectAsync(BusTrial trial, CancellationToken cancellationToken);
}

internal sealed class BusCalm : BusFault
{
    public override string Name => "calm";
    public override string About => "nothing goes wrong";

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(6); i++) await trial.MomentAsync(cancellationToken);
    }
}

internal sealed class BusWorkerKilled : BusFault
{
    public override string Name => "worker-killed";
    public override string About => "kill -9 of the only worker in the middle of batches, three times; another process begins";
    public override int Workers => 1;

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(3); i++)
        {
            await trial.MomentAsync(cancellationToken);
            await trial.KillWorkerAsync(trial.Alive[0]);
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class BusTwoNodes : BusFault
{
    public override string Name => "two-nodes";
    public override string About => "two workers share the lanes, one is killed and the other takes its lanes, another one comes; twice";

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(2); i++)
        {
            await trial.SpreadAsync(cancellationToken);
            await trial.MomentAsync(cancellationToken);
            await trial.KillWorkerAsync(await trial.BusyWorkerAsync(cancellationToken));
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class BusHandOver : BusFault
{
    public override string Name => "hand-over";
    public override string About => "a second node joins and the first hands lanes back in the middle of batches; a node is stopped in the middle of batches, another one comes";
    public override int Workers => 1;

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        await trial.MomentAsync(cancellationToken);
        await trial.AddWorkerAsync();
        await trial.SpreadAsync(cancellationToken);
        await trial.MomentAsync(cancellationToken);
        await trial.StopWorkerAsync(await trial.BusyWorkerAsync(cancellationToken));
        await trial.EverywhereAsync(cancellationToken);
        await trial.SpreadAsync(cancellationToken);
        await trial.MomentAsync(cancellationToken);
        trial.Injected += (int)trial.HandedBack;
    }
}

internal sealed class BusZombie : BusFault
{
    public override string Name => "zombie";
    public override string About => "a worker is stopped until the broker has given its lanes to the other one, then it wakes up and goes on";
    public override bool NoticesSoon => true;

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(2); i++)
        {
            await trial.MomentAsync(cancellationToken);
            var zombie = await trial.BusyWorkerAsync(cancellationToken);
            await zombie.PauseAsync();
            try { await trial.EverywhereAsync(cancellationToken); }
            finally { zombie.Resume(); }
            trial.Injected++;
            await trial.MomentAsync(cancellationToken);
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class BusOrder : BusFault
{
    public override string Name => "order";
    public override string About => "100,000 events over 16 partitions and two workers, one of which is killed again and again. Only with --only";
    public override int Partitions => 16;
    public override int? Each => 6_250;
    public override int BatchEvents => 500;
    public override int Slow => 0;
    public override bool IsAskedFor => true;
    public override TimeSpan Deadline => TimeSpan.FromSeconds(120);

    public override async Task InjectAsync(BusTrial trial, CancellationToken cancellationToken)
    {
        for (var part = 1; part <= 8; part++)
        {
            var target = part * (long)Partitions * Each!.Value / 10;
            await trial.UntilAsync(() => trial.Progress >= target, "a tenth of the events", cancellationToken);
            await trial.KillWorkerAsync(await trial.BusyWorkerAsync(cancellationToken));
        }
    }
}
