namespace Brook.Tests.PropertyTests;

/// <summary>What the view must be: the events one after the other, without the engine. A failed event is parked, and later ones of its key behind it.</summary>
internal sealed class CleanFold
{
    public Dictionary<string, long> Sums { get; } = [];
    public Dictionary<string, long> Order { get; } = [];
    public Dictionary<string, List<int>> Lists { get; } = [];
    public Dictionary<string, List<int>> Logs { get; } = [];
    public List<int> All { get; } = [];
    public long Total { get; private set; }
    public List<(int Number, bool Behind)> Parked { get; } = [];

    /// <summary>The events of a lane, in order.</summary>
    public void Add(IEnumerable<Op> ops)
    {
        var (held, ids) = (new HashSet<string>(), new HashSet<Guid>());
        foreach (var op in ops)
        {
            if (op.CallersId is { } id && !ids.Add(id)) continue;
            var behind = op.Key is not null && held.Contains(op.Key);
            if (!behind && !op.Fails)
            {
                Apply(op);
                continue;
            }
            Parked.Add((op.Number, behind));
            if (op.Key is not null) held.Add(op.Key);
        }
    }

    /// <summary>Events that were applied in some order.</summary>
    public void Apply(Op op)
    {
        Total += op.N;
        switch (op.Kind)
        {
            case Kind.Delete:
                Sums.Remove(op.Entry);
                Logs.Remove(op.Entry);
                return;
            case Kind.DeleteThenCreate:
                Sums[op.Entry] = op.N;
                Logs.Remove(op.Entry);
                break;
            case Kind.Create:
                Sums[op.Entry] = op.N;
                Lists[op.Entry] = [];
                break;
            default:
                Sums[op.Entry] = Sums.GetValueOrDefault(op.Entry) + op.N;
                break;
        }
        Order[op.Entry] = FuzzView.Mix(Order.GetValueOrDefault(op.Entry), op.N);
        ListOf(Lists, op.Entry).Add(op.Number);
        ListOf(Logs, op.Entry).Add(op.Number);
        All.Add(op.Number);
    }

    private static List<int> ListOf(Dictionary<string, List<int>> lists, string entry) => lists.TryGetValue(entry, out var list) ? list : lists[entry] = [];
}
