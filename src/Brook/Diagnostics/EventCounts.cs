using Brook.Lanes;

namespace Brook;

/// <summary>A batch's events by type and outcome, so that a counter is told once for each and not for every event. Reused by its lane: nothing is allocated once all types were seen.</summary>
internal sealed class EventCounts
{
    private readonly List<(string Type, string Outcome, int Count)> _counts = [];

    /// <summary>Gives what the batch's events became, and forgets it.</summary>
    public void Count<TState>(Batch batch, TState state, Action<TState, string, string, int> count)
    {
        var last = 0;
        foreach (ref readonly var item in batch.Items)
        {
            var (type, outcome) = (item.Type?.Tag ?? Telemetry.OtherTypes, OutcomeOf(in item));
            if (last >= _counts.Count || !Is(last, type, outcome)) last = Find(type, outcome);
            _counts[last] = _counts[last] with { Count = _counts[last].Count + 1 };
        }
        foreach (var (type, outcome, events) in _counts) count(state, type, outcome, events);
        _counts.Clear();
    }

    private static string OutcomeOf(ref readonly BatchItem item) => item.Outcome == Outcome.Duplicate ? "duplicate" : item.IsSetAside ? "set_aside" : item.Wrote ? "applied" : "discarded";

    private bool Is(int index, string type, string outcome) => ReferenceEquals(_counts[index].Type, type) && ReferenceEquals(_counts[index].Outcome, outcome);

    private int Find(string type, string outcome)
    {
        for (var i = 0; i < _counts.Count; i++)
            if (Is(i, type, outcome)) return i;
        _counts.Add((type, outcome, 0));
        return _counts.Count - 1;
    }
}
