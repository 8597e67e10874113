using Brook.Lanes;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>Takes the steps of a plan, one after the other, over one store; then hands over what is left. Nothing runs beside anything else, so a plan gives the same run each time.</summary>
internal sealed class ChaosRun : IAsyncDisposable
{
    private const int MaxDeliveries = 200;
    private readonly ChaosPlan _plan;
    private readonly IViewStore _store;
    private readonly ChaosClock _clock;
    private readonly IReadOnlyList<ChaosEvent> _events;
    private readonly Func<ChaosNode> _start;
    private readonly Topic[] _topics;
    private readonly ChaosNode?[] _owners;
    private readonly List<ChaosNode> _nodes = [];
    private readonly List<string> _story;

    public ChaosRun(ChaosPlan plan, Action<BrookBuilder> configure, IViewStore store, ChaosClock clock, CallLimit limit, IReadOnlyList<ChaosEvent> events, Poison poison, List<string> story)
    {
        (_plan, _store, _clock, _events, _story) = (plan, store, clock, events, story);
        _start = () => ChaosNode.Start(configure, store, clock, limit, poison, plan.Guard, plan.BatchEvents);
        (_topics, _owners) = ([.. Enumerable.Range(0, plan.Lanes).Select(lane => new Topic(lane, plan.Guard))], new ChaosNode?[plan.Lanes]);
    }

    public Dictionary<ChaosFaults, long> Faults { get; } = [];

    public IViewStore Store => _store;

    /// <exception cref="TimeoutException">It makes no progress.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var (sent, faults) = (new List<ChaosEvent>(), new List<FaultStep>());
        foreach (var step in _plan.Steps)
        {
            switch (step)
            {
                case EventStep:
                    sent.Add(_events[sent.Count]);
                    _topics[sent[^1].Lane].Send(sent[^1]);
                    break;
                case AgainStep again when sent.Where(e => e.HasCallersId).ToList() is { Count: > 0 } known:
                    _topics[known[again.Event % known.Count].Lane].Send(known[again.Event % known.Count]);
                    Happened(ChaosFaults.Duplicates, $"event {known[again.Event % known.Count].Number} is sent a second time");
                    break;
                case FaultStep fault:
                    faults.Add(fault);
                    break;
                case DeliverStep delivery:
                    await DeliverAsync(delivery.Lane % _plan.Lanes, delivery.Count, delivery.Back, faults, "", cancellationToken);
                    faults = [];
                    break;
            }
        }
        for (var lane = 0; lane < _plan.Lanes; lane++)
            for (var i = 0; await DeliverAsync(lane, ChaosPlan.Uncut, 0, faults, "", cancellationToken); i++, faults = [])
                if (i == MaxDeliveries) throw new TimeoutException($"lane {lane} was handed its events {MaxDeliveries} times and is not through");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
    }

    /// <summary>What an owner that is at work meets: a lane's new owner, which gets the same events.</summary>
    public async ValueTask TakeOverAsync(int lane, int count, string indent, CancellationToken cancellationToken)
    {
        _owners[lane] = null;
        await DeliverAsync(lane, count, 0, [], indent, cancellationToken);
    }

    public async ValueTask DeliverOtherAsync(int lane, string indent, CancellationToken cancellationToken) => await DeliverAsync(lane, ChaosPlan.Uncut, 0, [], indent, cancellationToken);

    public void Happened(ChaosFaults fault, string what)
    {
        Faults[fault] = Faults.GetValueOrDefault(fault) + 1;
        Say(what);
    }

    public void Say(string what) => _story.Add(what);

    public int Lanes => _plan.Lanes;

    public ChaosClock Clock => _clock;

    /// <summary>False: there was nothing to hand over.</summary>
    private async ValueTask<bool> DeliverAsync(int lane, int count, int back, List<FaultStep> faults, string indent, CancellationToken cancellationToken)
    {
        var node = _owners[lane] ??= NewNode();
        using var life = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var delivery = new Delivery(this, node, lane, count, faults, life, indent + "  ");
        var calling = node.Store.Calling;
        node.Store.Calling = faults.Count == 0 ? null : delivery.CallAsync;
        try
        {
            var open = await node.OpenAsync(lane, life.Token);
            var batch = _topics[lane].Next(open.NextOffset, count, back);
            if (batch.Length == 0) return false;
            Say($"{indent}lane {lane} is handed {_topics[lane].Show(batch)}");
            if (back > 0) Faults[ChaosFaults.Duplicates] = Faults.GetValueOrDefault(ChaosFaults.Duplicates) + 1;
            if (batch.Length > _plan.BatchEvents && _plan.BatchEvents > 1) Faults[ChaosFaults.Cuts] = Faults.GetValueOrDefault(ChaosFaults.Cuts) + 1;
            var result = await open.ProcessAsync(batch, life.Token);
            if (result.Outcome == BatchOutcome.Committed) _topics[lane].Acknowledge(batch);
            else Say($"{indent}lane {lane} learns that {(result.Outcome == BatchOutcome.Fenced ? "it has another owner" : "its position has moved")}");
            if (result.Outcome == BatchOutcome.Fenced && _owners[lane] == node) _owners[lane] = null;
        }
        catch (OperationCanceledException) when (life.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            for (var i = 0; delivery.HasEnded && i < _owners.Length; i++)
                if (_owners[i] == node) _owners[i] = null;
        }
        finally
        {
            node.Store.Calling = calling;
        }
        return true;
    }

    private ChaosNode NewNode()
    {
        _nodes.Add(_start());
        return _nodes[^1];
    }
}
