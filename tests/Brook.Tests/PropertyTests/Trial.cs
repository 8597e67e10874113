using System.Collections.Concurrent;
using System.Text;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;

namespace Brook.Tests.PropertyTests;

internal enum Delivery
{
    /// <summary>Offsets; two owners claim the lane from each other.</summary>
    TwoOwners,

    /// <summary>Message ids, one owner that is killed at random; messages come again, whole.</summary>
    Killed,

    /// <summary>Two nodes share an endpoint; each message comes up to three times, anywhere.</summary>
    Shared,

    /// <summary>Two lanes of one view, each with its owner, both killed at random; they meet at totals.</summary>
    TwoLanes,
}

/// <summary>One run of a script with everything that can go wrong, and what differs from the clean fold afterwards.</summary>
internal sealed class Trial
{
    private readonly int _seed;
    private readonly Delivery _delivery;
    private readonly IViewStore _store;
    private readonly Random _random;
    private readonly IViewStore _truth = Stores.New();
    private readonly int _batchEvents;

    private readonly ConcurrentQueue<FlakyStore> _stores = [];

    /// <param name="seed">Makes the script, the faults and when who is killed.</param>
    /// <param name="delivery">How the events come.</param>
    /// <param name="ablate">Takes a guard away from the store.</param>
    public Trial(int seed, Delivery delivery, Func<IViewStore, IViewStore>? ablate = null)
    {
        (_seed, _delivery, _random, _batchEvents) = (seed, delivery, new Random(seed), new Random(seed).Next(2, 9));
        _store = ablate?.Invoke(_truth) ?? _truth;
    }

    public int Conflicts => _stores.Sum(store => store.Conflicts);
    public int Failed => _stores.Sum(store => store.Failed);
    public int Lost => _stores.Sum(store => store.Lost);

    /// <summary>Null, or the first difference found.</summary>
    public async Task<string?> RunAsync(CancellationToken cancellationToken)
    {
        var scripts = Enumerable.Range(0, _delivery == Delivery.TwoLanes ? 2 : 1).Select(lane => Script.Make(_random, lane, inOrder: _delivery != Delivery.Shared)).ToArray();
        var runs = _delivery switch
        {
            Delivery.TwoOwners => [OwnAsync("fuzz/0", scripts[0], _seed, cancellationToken), OwnAsync("fuzz/0", scripts[0], _seed + 1000, cancellationToken)],
            Delivery.Killed => [DeliverAsync(scripts[0], cancellationToken)],
            Delivery.Shared => ShareAsync(scripts[0], cancellationToken),
            _ => new[] { OwnAsync("fuzz/0", scripts[0], _seed, cancellationToken), OwnAsync("fuzz/1", scripts[1], _seed + 1000, cancellationToken) },
        };
        await Task.WhenAll(runs);
        return await new Comparison(_truth).DifferenceAsync(scripts, _delivery, cancellationToken);
    }

    /// <summary>Claims the lane, processes from where the view stands (and a little before), loses it, is killed, begins again.</summary>
    private async Task OwnAsync(string name, Script script, int mySeed, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var random = new Random(mySeed);
        var lane = await OpenAsync(name, LaneGuard.Offsets);
        while (lane.Lane.Lane.NextOffset < script.Ops.Count)
        {
            var from = Math.Max(0, (int)lane.Lane.Lane.NextOffset - random.Next(3));
            var events = Enumerable.Range(from, Math.Min(random.Next(1, 20), script.Ops.Count - from)).Select(i => Read(script.Ops[i], new(name, i))).ToArray();
            var outcome = await ProcessAsync(lane, events, random, cancellationToken);
            if (outcome is BatchOutcome.Committed or BatchOutcome.Moved || (outcome is null && random.Next(2) == 0)) continue;
            await lane.Lane.DisposeAsync();
            for (var turns = random.Next(30); turns > 0; turns--) await Task.Yield();
            lane = await OpenAsync(name, LaneGuard.Offsets);
        }
        await lane.Lane.DisposeAsync();
    }

    private async Task DeliverAsync(Script script, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var lane = await OpenAsync("fuzz/0", LaneGuard.MessageIds);
        for (var next = 0; next < script.Messages.Count;)
        {
            var count = Math.Min(_random.Next(1, 4), script.Messages.Count - next);
            var events = script.Messages.Skip(next).Take(count).SelectMany(message => MessageOf("fuzz/0", message)).ToList();
            if (_random.Next(4) == 0) events.AddRange(MessageOf("fuzz/0", script.Messages[_random.Next(next, next + count)]));      // a copy
            if (_random.Next(4) == 0 && next > 0) events.InsertRange(0, MessageOf("fuzz/0", script.Messages[_random.Next(next)]));  // an old one
            if (await ProcessAsync(lane, [.. events], _random, cancellationToken) == BatchOutcome.Committed) next += count;
            else if (_random.Next(2) == 0)
            {
                await lane.Lane.DisposeAsync();
                lane = await OpenAsync("fuzz/0", LaneGuard.MessageIds);
            }
        }
        await lane.Lane.DisposeAsync();
    }

    private Task[] ShareAsync(Script script, CancellationToken cancellationToken)
    {
        var deliveries = Enumerable.Range(0, script.Messages.Count).SelectMany(i => Enumerable.Repeat(i, _random.Next(1, 4))).ToArray();
        _random.Shuffle(deliveries);
        var queue = new ConcurrentQueue<int>(deliveries);
        return [ConsumeAsync(_seed), ConsumeAsync(_seed + 1000)];

        async Task ConsumeAsync(int mySeed)
        {
            await Task.Yield();
            var random = new Random(mySeed);
            var lane = await OpenAsync("fuzz/shared", LaneGuard.SharedMessageIds);
            while (queue.TryDequeue(out var message))
                while (await ProcessAsync(lane, MessageOf("fuzz/shared", script.Messages[message]), random, cancellationToken) != BatchOutcome.Committed) { }
            await lane.Lane.DisposeAsync();
        }
    }

    /// <summary>Null: killed half-way.</summary>
    private static async Task<BatchOutcome?> ProcessAsync(Node node, EventEnvelope[] events, Random random, CancellationToken cancellationToken)
    {
        using var kill = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var at = random.Next(8) == 0 ? random.Next(1, 6) : int.MaxValue;
        node.Store.Kill = roll =>
        {
            if (roll % 3 == 0 && --at == 0) kill.Cancel();
        };
        try
        {
            return (await node.Lane.Lane.ProcessAsync(events, kill.Token)).Outcome;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            node.Store.Kill = _ => { };
        }
    }

    private async Task<Node> OpenAsync(string name, LaneGuard guard)
    {
        var store = new FlakyStore(_store, _seed + (_stores.Count * 7919));
        _stores.Enqueue(store);
        return new(await OpenAsync(name, guard, store), store);
    }

    private Task<TestLane> OpenAsync(string name, LaneGuard guard, FlakyStore store) => TestLane.OpenAsync(brook =>
    {
        brook.UseStore(_ => store).AddHandler<FuzzOps>().AddHandler<FuzzReads>();
        brook.Options.BatchEvents = _batchEvents;
        brook.Options.LogLimit = BrookOptions.KeepAll;
        brook.Options.HandlerAttempts = 2;
        brook.Options.HandlerTimeout = TimeSpan.FromMinutes(1);
    }, guard, name);

    private static EventEnvelope[] MessageOf(string lane, (Guid Id, IReadOnlyList<Op> Ops) message) => [.. message.Ops.Select((op, i) => Read(op, new(lane, i, message.Id)))];

    private sealed record Node(TestLane Lane, FlakyStore Store);

    private static EventEnvelope Read(Op op, EventPosition position) => EventEnvelope.Read(Encoding.UTF8.GetBytes(op.Json), position, DateTimeOffset.UnixEpoch);
}
