// Faults over RabbitMQ and a store: of the broker, of the network between it and workers, and of messages.
using System.Text;
using Brook.Storage;
using RabbitMQ.Client;

namespace Brook.Faults;

/// <summary>One thing that goes wrong over RabbitMQ only.</summary>
internal abstract class RabbitFault : BusFault
{
    public virtual bool NeedsProxy => false;

    public override bool AppliesTo(Transport transport, Store store) => transport is RabbitTransport && base.AppliesTo(transport, store);

    public sealed override Task InjectAsync(BusTrial trial, CancellationToken cancellationToken) => InjectAsync(trial, (RabbitPlace)trial.Place, cancellationToken);

    protected abstract Task InjectAsync(BusTrial trial, RabbitPlace place, CancellationToken cancellationToken);
}

internal sealed class RabbitBrokerRestarted : RabbitFault
{
    public override string Name => "broker-restarted";
    public override string About => "the broker is stopped and started, and killed with kill -9 and started; workers and sender stay";

    protected override async Task InjectAsync(BusTrial trial, RabbitPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            await trial.MomentAsync(cancellationToken);
            if (i == 0) await place.Server.StopAsync();
            else await place.Server.KillAsync();
            await Task.Delay(trial.Random.Next(300), cancellationToken);
            await place.Server.RestartAsync(cancellationToken);
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

    protected override async Task InjectAsync(BusTrial trial, RabbitPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            if (trial.Random.Next(2) == 0) trial.Injected += place.Proxy!.CutAll();
            else
            {
                var before = place.Proxy!.Cuts;
                await place.Proxy.DropRepliesAsync(TimeSpan.FromMilliseconds(trial.Random.Next(100)));
                trial.Injected += (int)(place.Proxy.Cuts - before);
            }
            if (i % 2 == 1) await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class RabbitDuplicates : RabbitFault
{
    public override string Name => "duplicate-delivery";
    public override string About => "messages are published again with their ids and contents, recent and old ones; the broker closes all connections and delivers again";

    public override Task PrepareAsync(BusTrial trial, CancellationToken cancellationToken) => ((RabbitPlace)trial.Place).TapAsync(Partitions, cancellationToken);

    protected override async Task InjectAsync(BusTrial trial, RabbitPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 6; i++)
        {
            await trial.MomentAsync(cancellationToken);
            trial.Injected += await place.PublishAgainAsync(trial.Random, 10, 5, cancellationToken);
            if (i % 3 != 1) continue;
            await place.Server.CloseConnectionsAsync();
            trial.Injected++;
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class RabbitPoison : RabbitFault
{
    public override string Name => "poison";
    public override string About => "bytes that are no message of Brook's, of another version, without an id, and events that are no JSON, between all others; as always some events fail";

    protected override async Task InjectAsync(BusTrial trial, RabbitPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 12; i++)
        {
            if (i % 4 == 0) await trial.MomentAsync(cancellationToken);
            var (partition, body, kind) = (trial.Random.Next(Partitions), new byte[trial.Random.Next(1, 200)], i % 4);
            trial.Random.NextBytes(body);
            if (kind == 3) body = Encoding.UTF8.GetBytes($"no JSON {i}");
            var headers = new Dictionary<string, object?> { ["Brook-Version"] = kind == 1 ? "99" : "1", ["Brook-Stream"] = BusTrial.Stream, ["Brook-Partitions"] = $"{Partitions}", ["Brook-Count"] = "1", ["Brook-Sent-At"] = "1764036007000" };
            var properties = new BasicProperties { Persistent = true, ContentType = kind == 0 ? "application/octet-stream" : "application/x-ndjson", Headers = kind == 0 ? null : headers };
            if (kind != 2) properties.MessageId = new Guid(i, 7, (short)partition, [1, 2, 3, 4, 5, 6, 7, 8]).ToString();
            await place.PublishAsync(partition, properties, body, cancellationToken);
            if (kind == 3) trial.Unreadable[partition] = trial.Unreadable.GetValueOrDefault(partition) + 1;
            else trial.Undecodable.Add(body);
            trial.Injected++;
        }
        await trial.EverywhereAsync(cancellationToken);
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
