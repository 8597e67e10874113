// Faults over Kafka and a store: of the group, of the broker, of records, and of the store while the broker has everything.
using System.Text;
using Brook.KafkaServers;

namespace Brook.Faults;

/// <summary>One thing that goes wrong over Kafka only.</summary>
internal abstract class KafkaFault : BusFault
{
    public override bool AppliesTo(Transport transport, Store store) => transport is KafkaTransport && base.AppliesTo(transport, store);

    public sealed override Task InjectAsync(BusTrial trial, CancellationToken cancellationToken) => InjectAsync(trial, (KafkaPlace)trial.Place, cancellationToken);

    protected abstract Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken);
}

internal sealed class KafkaRebalance : KafkaFault
{
    public override string Name => "rebalance";
    public override string About => "a worker joins while another one leaves, both in the middle of batches, three times; a fault is a partition that was taken away";

    protected override async Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(3); i++)
        {
            await trial.SpreadAsync(cancellationToken);
            await trial.MomentAsync(cancellationToken);
            var leaves = await trial.BusyWorkerAsync(cancellationToken);
            await trial.AddWorkerAsync();
            await trial.PauseAsync(400, cancellationToken);
            await trial.StopWorkerAsync(leaves, another: false);
            await trial.EverywhereAsync(cancellationToken);
        }
        trial.Injected += (int)trial.HandedBack;
    }
}

internal sealed class KafkaBrokerRestarted : KafkaFault
{
    private const int AnswersAfter = 20;        // milliseconds, in which answers can be lost

    public override string Name => "broker-restarted";
    public override string About => "the broker cuts all connections and takes no new ones for up to a second and a half, four times; workers and sender stay. A fault is also a record that the topic has twice because the answer was lost";

    /// <summary>An answer that is cut off makes the producer send again, and this broker keeps both.</summary>
    public override bool HasIds => true;

    protected override async Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken)
    {
        await place.Cluster.RoundTripAsync(1, AnswersAfter, cancellationToken);
        for (var i = 0; i < trial.Times(4); i++)
        {
            await trial.MomentAsync(cancellationToken);
            await place.Cluster.BrokerDownAsync(1, cancellationToken);
            await trial.PauseAsync(i % 2 == 0 ? 200 : 1500, cancellationToken);
            await place.Cluster.BrokerUpAsync(1, cancellationToken);
            trial.Injected++;
            await trial.EverywhereAsync(cancellationToken);
        }
        await place.Cluster.RoundTripAsync(1, 0, cancellationToken);
    }
}

internal sealed class KafkaRequestsCut : KafkaFault
{
    private static readonly short[] s_kinds = [KafkaApi.Fetch, KafkaApi.Fetch, KafkaApi.ListOffsets, KafkaApi.OffsetCommit, KafkaApi.OffsetFetch, KafkaApi.FindCoordinator, KafkaApi.JoinGroup, KafkaApi.SyncGroup, KafkaApi.Heartbeat, KafkaApi.ConsumerGroupHeartbeat];

    public override string Name => "requests-cut";
    public override string About => "connections of workers are cut at requests to fetch, of offsets and of the group, twelve times";

    protected override Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken) => CutAsync(trial, place, s_kinds, cancellationToken);

    public static async Task CutAsync(BusTrial trial, KafkaPlace place, short[] kinds, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(12); i++)
        {
            if (i % 2 == 0) await trial.MomentAsync(cancellationToken);
            await place.Cluster.PushErrorsAsync(kinds[trial.Random.Next(kinds.Length)], [.. Enumerable.Repeat(KafkaPlace.Cut, trial.Random.Next(1, 4))]);
            trial.Injected++;
            if (i % 4 == 3) await trial.EverywhereAsync(cancellationToken);
        }
        foreach (var kind in kinds.Distinct()) await place.Cluster.ClearErrorsAsync(kind, cancellationToken);
    }
}

internal sealed class KafkaSendsCut : KafkaFault
{
    public override string Name => "sends-cut";
    public override string About => "the sender's connection is cut at up to three requests one after the other, twelve times";

    /// <summary>Should some arrive twice.</summary>
    public override bool HasIds => true;

    protected override Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken) => KafkaRequestsCut.CutAsync(trial, place, [KafkaApi.Produce], cancellationToken);
}

internal sealed class KafkaDuplicates : KafkaFault
{
    public override string Name => "duplicate-produce";
    public override string About => "a second producer sends all events so far with the ids that the first one gave them, from the first on, while that goes on; twice. A fault is a record that the topic has again";
    public override bool HasIds => true;

    protected override async Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(2); i++)
        {
            await trial.MomentAsync(cancellationToken);
            await using var second = trial.AnotherSender(trial.Random.Next(), (_, _) => true);
            second.FinishAt(trial.Sender.Count);
            await second.StartAsync(cancellationToken);
            await trial.UntilAsync(() => second.Sent!.IsCompleted, "the second producer", cancellationToken);
            await second.Sent!;
            if (second.Failure is { } failure) throw new StuckException($"a second send failed: {failure}");
        }
        await trial.EverywhereAsync(cancellationToken);
    }
}

internal sealed class KafkaPoison : KafkaFault
{
    public override string Name => "poison";
    public override string About => "records of random bytes, without a value, with an empty one, of broken and of strange JSON, between all others; as always some events fail";

    protected override async Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(15); i++)
        {
            if (i % 5 == 0) await trial.MomentAsync(cancellationToken);
            var (partition, random) = (trial.Random.Next(Partitions), new byte[trial.Random.Next(1, 200)]);
            trial.Random.NextBytes(random);
            var value = (i % 5) switch
            {
                0 => random,
                1 => null,
                2 => [],
                3 => Encoding.UTF8.GetBytes($$"""{"type":"tally","data":{"p":0,"n":{{i}},"""),
                _ => Encoding.UTF8.GetBytes($$"""{"no":"event of Brook's {{i}}"}"""),
            };
            await place.PublishAsync(partition, trial.Random.Next(2) == 0 ? null : random, value, cancellationToken);
            if (value is not null) trial.Unreadable[partition] = trial.Unreadable.GetValueOrDefault(partition) + 1;
            trial.Injected++;
        }
        await trial.EverywhereAsync(cancellationToken);
    }
}

internal sealed class KafkaStoreRewound : KafkaFault
{
    public override string Name => "store-rewound";
    public override bool AppliesTo(Transport transport, Store store) => store is Redis && base.AppliesTo(transport, store);
    public override string About => "kill -9 of the store, and the end of its file is cut off at a random byte: the view goes back, and the lanes with it; a worker whose lane is gone entirely is started again; twice";
    public override bool Rewinds => true;

    protected override async Task InjectAsync(BusTrial trial, KafkaPlace place, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(2); i++)
        {
            await Crash.RunAsync(trial, (RedisHost)trial.Host, Crash.Cut, rewrite: true, cancellationToken);
            var everywhere = trial.EverywhereAsync(cancellationToken);
            while (!everywhere.IsCompleted)
            {
                foreach (var worker in trial.Halted) await trial.KillWorkerAsync(worker);       // nothing is left of one of its lanes: it says so, and whoever runs it must start it again
                await Task.Delay(20, cancellationToken);
            }
            await everywhere;
        }
    }
}
