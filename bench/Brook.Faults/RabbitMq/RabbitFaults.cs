// Faults over RabbitMQ and a store: of workers, of the broker, of the network between them, and of messages.
using System.Text;
using Brook.Storage;
using RabbitMQ.Client;

namespace Brook.Faults;

/// <summary>One thing that goes wrong over RabbitMQ. A new one is one small class here: it is found by being a class.</summary>
internal abstract class RabbitFault
{
    public static IReadOnlyList<RabbitFault> All { get; } =
    [
        .. typeof(RabbitFault).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(RabbitFault)) && !type.IsAbstract).Select(type => (RabbitFault)Activator.CreateInstance(type)!)
            .OrderBy(fault => fault.Name, StringComparer.Ordinal),
    ];

    /// <summary>What makes it right, taken away in the workers' store; the fault beside it must notice.</summary>
    public static IReadOnlyList<Guard> Guards { get; } =
    [
        new("message-ids", "ids of messages are not kept", "duplicate-delivery", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection.StartsWith("$applied", StringComparison.Ordinal) ? null : entry)),
        new("fence", "the lane's entry is not compared", "zombie", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection == "$lanes" ? entry with { Expected = null } : entry)),
        new("ack-after-commit", "messages are acknowledged before they are in the view", "worker-killed", Feed.Messages, inner => new Early(inner)),
    ];

    public abstract string Name { get; }

    /// <summary>What is done, in a line.</summary>
    public abstract string About { get; }

    /// <summary>How many workers there are at first.</summary>
    public virtual int Workers => 2;

    public virtual int Partitions => 4;

    /// <summary>How many events a partition has in all; null: as many as there are while the fault is at work.</summary>
    public virtual int? Each => null;

    public virtual int BatchEvents => 10;

    /// <summary>Commits take up to so many milliseconds more.</summary>
    public virtual int Slow => 16;

    /// <summary>Seconds; 0: the client's default.</summary>
    public virtual int Heartbeat => 0;

    public virtual bool NeedsProxy => false;

    public virtual bool NeedsTap => false;

    /// <summary>How long anything may take.</summary>
    public virtual TimeSpan Deadline => TimeSpan.FromSeconds(30);

    /// <summary>When nothing has changed for so long and the queues are empty, nothing will.</summary>
    public virtual TimeSpan Quiet => TimeSpan.FromSeconds(5);

    /// <summary>Runs only when it is named.</summary>
    public virtual bool IsAskedFor => false;

    /// <summary>Does it, some times, while the trial runs.</summary>
    public abstract Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken);
}

internal sealed class RabbitCalm : RabbitFault
{
    public override string Name => "calm";
    public override string About => "nothing goes wrong";

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++) await trial.MomentAsync(cancellationToken);
    }
}

internal sealed class RabbitWorkerKilled : RabbitFault
{
    public override string Name => "worker-killed";
    public override string About => "kill -9 of the only worker in the middle of batches, three times; another process begins";
    public override int Workers => 1;

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 3; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await trial.KillWorkerAsync(trial.Alive[0]);
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class RabbitTwoNodes : RabbitFault
{
    public override string Name => "two-nodes";
    public override string About => "two workers share the lanes, one is killed and the other takes its lanes, another one comes; twice";

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.SpreadAsync(cancellationToken);
            await trial.MomentAsync(cancellationToken);
            await trial.KillWorkerAsync(await trial.BusyWorkerAsync(cancellationToken));
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class RabbitHandOver : RabbitFault
{
    public override string Name => "hand-over";
    public override string About => "a second node joins and the first hands lanes back in the middle of batches; a node is stopped in the middle of batches, another one comes";
    public override int Workers => 1;

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
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

internal sealed class RabbitZombie : RabbitFault
{
    public override string Name => "zombie";
    public override string About => "a worker is stopped until the broker has given its lanes to the other one, then it wakes up and goes on";
    public override int Heartbeat => 1;

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
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

internal sealed class RabbitBrokerRestarted : RabbitFault
{
    public override string Name => "broker-restarted";
    public override string About => "the broker is stopped and started, and killed with kill -9 and started; workers and sender stay";

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.MomentAsync(cancellationToken);
            if (i == 0) await trial.Place.Server.StopAsync();
            else await trial.Place.Server.KillAsync();
            await Task.Delay(trial.Random.Next(300), cancellationToken);
            await trial.Place.Server.RestartAsync(cancellationToken);
            trial.Injected++;
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class RabbitConnectionCut : RabbitFault
{
    public override string Name => "connection-cut";
    public override string About => "all connections of workers and sender are cut, at once or after what the broker said was swallowed for a while, six times";
    public override bool NeedsProxy => true;

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            if (trial.Random.Next(2) == 0) trial.Injected += trial.Place.Proxy!.CutAll();
            else
            {
                var before = trial.Place.Proxy!.Cuts;
                await trial.Place.Proxy.DropRepliesAsync(TimeSpan.FromMilliseconds(trial.Random.Next(100)));
                trial.Injected += (int)(trial.Place.Proxy.Cuts - before);
            }
            if (i % 2 == 1) await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class RabbitDuplicates : RabbitFault
{
    public override string Name => "duplicate-delivery";
    public override string About => "messages are published again with their ids and contents, recent and old ones; the broker closes all connections and delivers again";
    public override bool NeedsTap => true;

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            trial.Injected += await trial.Place.PublishAgainAsync(trial.Random, 10, 5, cancellationToken);
            if (i % 3 != 1) continue;
            await trial.Place.Server.CloseConnectionsAsync();
            trial.Injected++;
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class RabbitPoison : RabbitFault
{
    public override string Name => "poison";
    public override string About => "bytes that are no message of Brook's, of another version, without an id, and events that are no JSON, between all others; as always some events fail";

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 12; i++)
        {
            if (i % 4 == 0) await trial.MomentAsync(cancellationToken);
            var (partition, body, kind) = (trial.Random.Next(Partitions), new byte[trial.Random.Next(1, 200)], i % 4);
            trial.Random.NextBytes(body);
            if (kind == 3) body = Encoding.UTF8.GetBytes($"no JSON {i}");
            var headers = new Dictionary<string, object?> { ["Brook-Version"] = kind == 1 ? "99" : "1", ["Brook-Stream"] = RabbitTrial.Stream, ["Brook-Partitions"] = $"{Partitions}", ["Brook-Count"] = "1", ["Brook-Sent-At"] = "1764036007000" };
            var properties = new BasicProperties { Persistent = true, ContentType = kind == 0 ? "application/octet-stream" : "application/x-ndjson", Headers = kind == 0 ? null : headers };
            if (kind != 2) properties.MessageId = new Guid(i, 7, (short)partition, [1, 2, 3, 4, 5, 6, 7, 8]).ToString();
            await trial.Place.PublishAsync(partition, properties, body, cancellationToken);
            if (kind == 3) trial.Unreadable[partition] = trial.Unreadable.GetValueOrDefault(partition) + 1;
            else trial.Undecodable.Add(body);
            trial.Injected++;
        }
        await trial.EverywhereAsync(cancellationToken);
    }
}

internal sealed class RabbitOrder : RabbitFault
{
    public override string Name => "order";
    public override string About => "100,000 events over 16 partitions and two workers, one of which is killed again and again. Only with --only";
    public override int Partitions => 16;
    public override int? Each => 6_250;
    public override int BatchEvents => 500;
    public override int Slow => 0;
    public override bool IsAskedFor => true;
    public override TimeSpan Deadline => TimeSpan.FromSeconds(120);

    public override async Task InjectAsync(RabbitTrial trial, CancellationToken cancellationToken)
    {
        for (var part = 1; part <= 8; part++)
        {
            var target = part * (long)Partitions * Each!.Value / 10;
            await trial.UntilAsync(() => trial.Progress >= target, "a tenth of the events", cancellationToken);
            await trial.KillWorkerAsync(await trial.BusyWorkerAsync(cancellationToken));
        }
    }
}

/// <summary>Says that a commit has landed, and makes it later: what was acknowledged is then not in the view yet.</summary>
internal sealed class Early(IViewStore inner) : StoreOver(inner)
{
    private readonly Lock _lock = new();
    private Task _last = Task.CompletedTask;

    public override ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        var copy = new Commit(commit.Version);
        foreach (ref readonly var entry in commit.Entries) copy.Add(entry with { Value = entry.Value.ToArray() });
        foreach (ref readonly var append in commit.Appends) copy.Add(append with { Record = append.Record.ToArray() });
        lock (_lock) _last = LaterAsync(_last, copy);
        return new(CommitResult.Committed);
    }

    private async Task LaterAsync(Task before, Commit commit)
    {
        await before;
        await Task.Delay(5);
        try { await Inner.CommitAsync(commit, CancellationToken.None); }
        catch (BrookException) { }      // nobody is told: it was said to have landed, and that is the guard that is missing
    }
}
