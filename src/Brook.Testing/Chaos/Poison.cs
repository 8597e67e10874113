using System.Collections.Concurrent;

namespace Brook.Testing;

/// <summary>Which events fail, whatever the handlers make of them.</summary>
internal sealed class Poison
{
    private readonly Dictionary<Guid, PoisonKind> _kinds = [];
    private readonly ConcurrentDictionary<Guid, bool> _failed = new();

    /// <param name="events">All events.</param>
    /// <param name="once">Whether those that fail once do so: without, it is a run where nothing passes by.</param>
    public Poison(IEnumerable<ChaosEvent> events, bool once)
    {
        foreach (var e in events)
            if (e.Poison != PoisonKind.None && (once || e.Poison != PoisonKind.ThrowsOnce)) _kinds.TryAdd(e.Id, e.Poison);
    }

    /// <summary>How many events it has made fail.</summary>
    public int Failed => _failed.Count;

    /// <summary>What becomes of this event now.</summary>
    public PoisonKind Of(Guid id)
    {
        var kind = _kinds.GetValueOrDefault(id);
        if (kind == PoisonKind.None) return kind;
        var isFirst = _failed.TryAdd(id, true);
        return kind == PoisonKind.ThrowsOnce && !isFirst ? PoisonKind.None : kind;
    }
}

/// <summary>Stands behind the user's handlers, so that what they staged must be taken back.</summary>
internal sealed class PoisonHandler(Poison poison) : IBrookHandler
{
    private static readonly ViewCollection<int> s_nowhere = "chaos-poison";

    public Changes Handle(BrookEvent e) => poison.Of(e.Id) switch
    {
        PoisonKind.None => default,
        PoisonKind.MergeThrows => Change.Merge(s_nowhere, "it", _ => throw new InvalidOperationException("poison, in a merge")),
        _ => throw new InvalidOperationException("poison"),
    };
}
