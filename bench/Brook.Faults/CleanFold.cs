// The oracle: all events one after the other, over dictionaries. No code of the engine, of the handlers or of a store.
using System.Globalization;

namespace Brook.Faults;

/// <summary>An entry of the view: what is stored, byte for byte, and its log.</summary>
internal sealed class CleanEntry
{
    public required string Json { get; set; }

    /// <summary>The events that wrote it, oldest first, without limits.</summary>
    public List<Event> Log { get; } = [];

    /// <summary>What the limits leave of the log.</summary>
    public List<string> Records
    {
        get
        {
            var (records, kept) = (new List<string>(), new Dictionary<string, int>());
            foreach (var e in Enumerable.Reverse(Log))
                if ((kept[e.Type] = kept.GetValueOrDefault(e.Type) + 1) <= Event.LogLimits[e.Type]) records.Add(e.Json);
            records.Reverse();
            return records;
        }
    }
}

/// <summary>What the view must be.</summary>
internal sealed class CleanFold
{
    private readonly Dictionary<string, (long Count, long Hash, long Last, long Breaks)> _chains = [];
    private readonly Dictionary<string, (long Count, long Sum, long Hash)> _values = [];
    private long _count, _sum;

    /// <summary>collection -> key -> entry.</summary>
    public Dictionary<string, Dictionary<string, CleanEntry>> Collections { get; } = new[] { "seen", "totals", "chains", "values", "left", "right" }.ToDictionary(name => name, _ => new Dictionary<string, CleanEntry>());

    /// <summary>What is set aside in the end, lane by lane in order.</summary>
    public List<(int Partition, long N, bool Behind)> Parked { get; } = [];

    /// <summary>Events that were folded or set aside; those with an id that was there before are neither.</summary>
    public long Applied { get; private set; }

    /// <summary>Events that were set aside and given up.</summary>
    public long Skipped { get; private set; }

    /// <summary>Events that were set aside and replaced.</summary>
    public long Replaced { get; private set; }

    /// <summary>What must be in order: the events of a partition, but those that may be set aside have an order with their key only.</summary>
    public static string ChainOf(Data e) => e.Entry.Contains("held", StringComparison.Ordinal) || e.Entry.Contains("alone", StringComparison.Ordinal) ? e.Entry : Text($"{e.P}");

    /// <summary>Events of a partition, in order: as if those that fail for a while never had, for within a key that makes no difference.</summary>
    public void Add(Events events, int partition, IEnumerable<int> offsets)
    {
        var (ids, held) = (new HashSet<Guid>(), new HashSet<string>());
        foreach (var n in offsets)
        {
            var e = events.At(partition, n);
            if (e.CallersId is { } id && !ids.Add(id)) continue;
            Applied++;
            var (fate, behind) = (e.Fate, e.Key is not null && held.Contains(e.Key));
            if (fate == Fate.Skipped) Skipped++;
            if (fate == Fate.Replaced) Replaced++;
            if (fate == Fate.LetGo) Parked.Add((partition, e.Data.N, false));
            else if (fate != Fate.Skipped && (behind || fate == Fate.Stays)) Parked.Add((partition, e.Data.N, behind));
            else if (fate != Fate.Skipped) Apply(fate == Fate.Replaced ? e.Replaced() : e);
            if (fate == Fate.Stays && e.Key is not null) held.Add(e.Key);
        }
    }

    private void Apply(Event e)
    {
        var (p, n, a, name) = (e.Data.P, e.Data.N, e.Data.A, ChainOf(e.Data));
        Put(e, "seen", Text($"{p}:{n}"), "1");
        Put(e, "left", name, Text($"{n}"));
        Put(e, "right", name, Text($"{n}"));
        (_count, _sum) = (_count + 1, _sum + a);
        Put(e, "totals", "all", Text($$"""{"count":{{_count}},"sum":{{_sum}}}"""));
        var isFirst = !_chains.TryGetValue(name, out var chain);
        chain = _chains[name] = isFirst ? (1, n, n, 0) : (chain.Count + 1, unchecked((chain.Hash * 31) + n), n, n <= chain.Last ? chain.Breaks + 1 : chain.Breaks);
        Put(e, "chains", name, Text($$"""{"count":{{chain.Count}},"hash":{{chain.Hash}},"last":{{chain.Last}},"breaks":{{chain.Breaks}}}"""));
        if (e.Type == Event.Wipe)
        {
            _values.Remove(e.Data.Entry);
            Collections["values"].Remove(e.Data.Entry);
            return;
        }
        var fresh = e.Type == Event.Put || !_values.ContainsKey(e.Data.Entry);
        var old = _values.GetValueOrDefault(e.Data.Entry);
        var value = _values[e.Data.Entry] = fresh ? (1, a, a) : (old.Count + 1, old.Sum + a, unchecked((old.Hash * 31) + a));
        Put(e, "values", e.Data.Entry, Text($$"""{"count":{{value.Count}},"sum":{{value.Sum}},"hash":{{value.Hash}}}"""));
    }

    private void Put(Event e, string collection, string key, string json)
    {
        var entries = Collections[collection];
        if (!entries.TryGetValue(key, out var entry)) entries[key] = entry = new() { Json = json };
        entry.Json = json;
        entry.Log.Add(e);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
