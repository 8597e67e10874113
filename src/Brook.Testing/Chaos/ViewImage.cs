using System.Text;
using System.Text.Json;
using Brook.Lanes;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>All that a store holds of a view, to be compared: values as JSON, logs, what was set aside and what is to be sent.</summary>
internal sealed class ViewImage
{
    public SortedDictionary<string, (string Value, bool Expires, List<Guid> Log)> Entries { get; } = new(StringComparer.Ordinal);

    public List<(Guid Event, bool Behind, string Error)> SetAside { get; private set; } = [];

    public List<(Guid Cause, string Event)> Sent { get; } = [];

    public static async Task<ViewImage> ReadAsync(ChaosNode node, IReadOnlyList<ChaosEvent> events, IReadOnlySet<string> without, CancellationToken cancellationToken)
    {
        var (image, store) = (new ViewImage(), node.Engine.Store);
        var collections = new List<string>();
        await foreach (var collection in store.ReadCollectionsAsync(cancellationToken)) collections.Add(collection);
        foreach (var collection in collections.Where(name => !name.StartsWith('$') && !without.Contains(name)))
            foreach (var (key, entry) in await RowsAsync(store, collection, cancellationToken))
            {
                var log = new List<Guid>();
                await foreach (var record in store.ReadLogAsync(new(collection, key), null, cancellationToken))
                    log.Add(IdOf(EventEnvelope.Read(record.ToArray(), default, default), events));
                image.Entries[$"{collection}/{key}"] = (Encoding.UTF8.GetString(entry.Value.Span), entry.ExpiresAt is not null, log);
            }
        foreach (var (id, row) in await RowsAsync(store, ParkedRow.Collection, cancellationToken))
            if (ParkedRow.Read(id, in row) is var parked) image.SetAside.Add((parked.Id, parked.StandsBehind, parked.Error));
        foreach (var (_, row) in await RowsAsync(store, "$outbox", cancellationToken))
            if (EventEnvelope.Read(row.Value.ToArray(), default, default) is var e) image.Sent.Add((Guid.Parse(e.Headers![BrookEvent.CausationHeader]), $"{e.Type}({e.Key}) {Encoding.UTF8.GetString(e.Data.Span)} id {e.Id}"));
        return image;
    }

    /// <summary>These are set aside as well, each behind one of its key.</summary>
    public void AddBehind(IReadOnlyList<ChaosEvent> events, HashSet<Guid> behind)
    {
        var failed = SetAside.ToDictionary(row => row.Event);
        SetAside = [.. events.DistinctBy(e => e.Id).Where(e => failed.ContainsKey(e.Id) || behind.Contains(e.Id)).Select(e => failed.TryGetValue(e.Id, out var row) ? row : (e.Id, true, ""))];
    }

    /// <summary>Null, or the first difference.</summary>
    public (string Where, string Expected, string Found)? DifferenceTo(ViewImage found, IReadOnlyList<ChaosEvent> events, int lanes)
    {
        foreach (var where in Entries.Keys.Union(found.Entries.Keys).Order(StringComparer.Ordinal))
        {
            if (!Entries.TryGetValue(where, out var expected)) return (where, "nothing", found.Entries[where].Value);
            if (!found.Entries.TryGetValue(where, out var there)) return (where, expected.Value, "nothing");
            if (!Mismatch.SameJson(expected.Value, there.Value)) return (where, expected.Value, there.Value);
            if (expected.Expires != there.Expires) return ($"the end of {where}", expected.Expires ? "one" : "none", there.Expires ? "one" : "none");
            if (LogDifference(expected.Log, there.Log, events, lanes > 1) is { } log) return ($"the log of {where}", log.Expected, log.Found);
        }
        var numbers = events.DistinctBy(e => e.Id).ToDictionary(e => e.Id);
        for (var lane = 0; lane < lanes; lane++)
        {
            if (Difference(SetAside.Where(row => On(row.Event)).Select(Row), found.SetAside.Where(row => On(row.Event)).Select(Row)) is { } rows) return ("what was set aside", rows.Expected, rows.Found);
            if (Difference(Sent.Where(sent => On(sent.Cause)).Select(sent => sent.Event), found.Sent.Where(sent => On(sent.Cause)).Select(sent => sent.Event)) is { } sends) return ("what is to be sent", sends.Expected, sends.Found);

            bool On(Guid id) => numbers.TryGetValue(id, out var e) ? e.Lane == lane : lane == 0;
        }
        return null;

        string Row((Guid Event, bool Behind, string Error) row) => $"event {(numbers.TryGetValue(row.Event, out var e) ? e.Number : row.Event)}{(row.Behind ? ", behind another" : ", failed")}";
    }

    public override string ToString() => string.Join('\n', [.. Entries.Select(entry => $"{entry.Key} {Canonical(entry.Value.Value)} {string.Join(' ', entry.Value.Log)}"), .. SetAside.Select(row => $"{row.Event} {row.Behind}"), .. Sent.Select(sent => sent.Event)]);

    /// <summary>Events of several lanes came in no order, so a log is compared for each key; and one that has lost its oldest records only by their number.</summary>
    private static (string Expected, string Found)? LogDifference(List<Guid> expected, List<Guid> found, IReadOnlyList<ChaosEvent> events, bool reordered)
    {
        var (shown, there) = (expected.ConvertAll(Find), found.ConvertAll(Find));
        if (!reordered) return Difference(shown.Select(Show), there.Select(Show));
        if (shown.Count == there.Count && !shown.ToHashSet().SetEquals(there)) return null;
        return shown.GroupBy(record => record.Key).Select(group => Difference(group.Select(Show), there.Where(record => record.Key == group.Key).Select(Show))).FirstOrDefault(difference => difference is not null)
            ?? Difference(shown.Select(Show).Order(StringComparer.Ordinal), there.Select(Show).Order(StringComparer.Ordinal));

        (Guid Id, int Number, string? Key) Find(Guid id) => events.FirstOrDefault(e => e.Id == id) is { } e ? (id, e.Number, e.Key) : (id, 0, null);

        static string Show((Guid Id, int Number, string? Key) record) => record.Number == 0 ? $"{record.Id}" : $"event {record.Number}";
    }

    private static (string Expected, string Found)? Difference(IEnumerable<string> expected, IEnumerable<string> found)
        => string.Join("; ", expected) is var left && string.Join("; ", found) is var right && left == right ? null : (Or(left), Or(right));

    private static string Or(string list) => list.Length == 0 ? "none" : list;

    /// <summary>Elixir's layout keeps no ids: there the time tells which event it was.</summary>
    private static Guid IdOf(EventEnvelope logged, IReadOnlyList<ChaosEvent> events) => logged.Id != default ? logged.Id : events.FirstOrDefault(e => e.Type == logged.Type && e.CreatedAt == logged.CreatedAt)?.Id ?? default;

    /// <summary>Properties in order: a serializer may write them in any.</summary>
    private static string Canonical(string json) => JsonElement.Parse(json) is { ValueKind: JsonValueKind.Object } element ? string.Join(',', element.EnumerateObject().OrderBy(property => property.Name, StringComparer.Ordinal).Select(property => $"{property.Name}:{property.Value.GetRawText()}")) : json;

    private static async Task<List<KeyValuePair<string, StoredEntry>>> RowsAsync(IViewStore store, string collection, CancellationToken cancellationToken)
    {
        var rows = new List<KeyValuePair<string, StoredEntry>>();
        for (string? after = null; ;)
        {
            var page = await store.ReadPageAsync(collection, "", after, 500, cancellationToken);
            rows.AddRange(page.Entries);
            if ((after = page.Next) is null) break;
        }
        rows.Sort(static (one, other) => string.CompareOrdinal(one.Key, other.Key));
        return rows;
    }
}
