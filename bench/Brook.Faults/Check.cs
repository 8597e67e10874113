using System.Globalization;
using System.Text;
using System.Text.Json;
using Brook.Storage;

namespace Brook.Faults;

/// <summary>The store against the clean fold, entry by entry, log by log, byte by byte.</summary>
/// <param name="store">What is there.</param>
/// <param name="clean">What should be.</param>
/// <param name="recognise">A logged record as the clean fold writes it; null: they are the same.</param>
/// <param name="unreadable">How many events that nobody can read must be set aside.</param>
internal sealed class Check(IViewStore store, CleanFold clean, Func<string, string>? recognise = null, int unreadable = 0)
{
    private const int Told = 5;

    /// <summary>Events that are nowhere.</summary>
    public long Lost { get; private set; }

    /// <summary>Events that were applied or set aside again.</summary>
    public long Doubled { get; private set; }

    /// <summary>Events that came before one that they should have followed.</summary>
    public long OutOfOrder { get; private set; }

    /// <summary>Everything else that differs.</summary>
    public long Wrong { get; private set; }

    /// <summary>The first few differences.</summary>
    public List<string> Differences { get; } = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await store.StartAsync(cancellationToken);
        foreach (var (collection, entries) in clean.Collections)
        {
            var found = await AllAsync(collection, cancellationToken);
            foreach (var (key, entry) in entries)
            {
                found.Remove(key, out var json);
                if (json != entry.Json) Differ(collection, key, entry.Json, json);
            }
            foreach (var (key, json) in found) Differ(collection, key, null, json);
            foreach (var chunk in entries.Chunk(200)) await Task.WhenAll(chunk.Select(entry => LogAsync(collection, entry.Key, entry.Value, cancellationToken)));
        }
        await ParkedAsync(cancellationToken);
        if ((await AllAsync("$outbox", cancellationToken)).Count > 0) Tell("there are rows of $outbox");
    }

    /// <summary>How many events the lanes have set aside in all, whatever became of them.</summary>
    public static async Task<long> SetAsideAsync(IViewStore store, int partitions, CancellationToken cancellationToken)
    {
        var all = 0L;
        for (var p = 0; p < partitions; p++) all += await AtAsync(store, p, "parked", cancellationToken);
        return all;
    }

    /// <summary>The messages that the store knows to be applied.</summary>
    public async Task<HashSet<Guid>> KnownAsync(int partition, CancellationToken cancellationToken)
        => [.. (await AllAsync($"$applied:{Feed.Lane(partition)}", cancellationToken)).Values.Select(id => Guid.Parse(id.Trim('"')))];

    /// <summary>The events of a partition that have left something.</summary>
    public async Task<HashSet<long>> TracesAsync(int partition, CancellationToken cancellationToken)
    {
        var prefix = Text($"{partition}:");
        var seen = (await AllAsync("seen", cancellationToken)).Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => long.Parse(key.AsSpan(prefix.Length), CultureInfo.InvariantCulture));
        return [.. seen, .. (await RowsAsync(cancellationToken)).Where(row => row.Partition == partition).Select(row => row.N)];
    }

    /// <summary>Messages are gone, and nobody was told.</summary>
    public void Unnoticed(int partition, int messages)
    {
        Wrong++;
        Tell(Text($"{Feed.Lane(partition)}: {messages} confirmed messages are gone, and no worker said so"));
    }

    /// <summary>Something beside the view is not as it should be.</summary>
    public void Strange(string difference)
    {
        Wrong++;
        Tell(difference);
    }

    /// <summary>What the public interface tells of what is set aside; -1: its list and its count differ.</summary>
    public void Left(long told)
    {
        if (told == clean.Parked.Count + unreadable) return;
        Wrong++;
        Tell(Text($"IParkedEvents tells of {told} events that are set aside instead of {clean.Parked.Count + unreadable}"));
    }

    /// <summary>Where the lane stands.</summary>
    public async Task PositionAsync(Feed feed, int partition, long events, long messages, CancellationToken cancellationToken)
    {
        var (name, expected) = feed == Feed.Offsets ? ("next", events) : ("messages", messages);
        var found = await AtAsync(store, partition, name, cancellationToken);
        if (found == expected) return;
        Wrong++;
        Tell(Text($"{Feed.Lane(partition)}: {name} is {found} instead of {expected}"));
    }

    /// <summary>A number of the lane's entry.</summary>
    public static async Task<long> AtAsync(IViewStore store, int partition, string name, CancellationToken cancellationToken)
    {
        var entry = (await store.ReadAsync(new EntryKey[] { new("$lanes", Feed.Lane(partition)) }, cancellationToken))[0];
        return !entry.IsMissing && JsonSerializer.Deserialize<JsonElement>(entry.Value.Span).TryGetProperty(name, out var number) ? number.GetInt64() : 0;
    }

    private void Differ(string collection, string key, string? expected, string? found)
    {
        if (collection == "seen")
        {
            var times = found is null ? 0 : long.Parse(found, CultureInfo.InvariantCulture);
            Lost += expected is not null && times == 0 ? 1 : 0;
            Doubled += Math.Max(0, times - (expected is null ? 0 : 1));
        }
        else if (collection == "chains" && found is not null && JsonSerializer.Deserialize<Chain>(found, JsonSerializerOptions.Web) is { Breaks: > 0 } chain) OutOfOrder += chain.Breaks;
        else Wrong++;
        Tell($"{collection}/{key}: {found ?? "nothing"} instead of {expected ?? "nothing"}");
    }

    private async Task LogAsync(string collection, string key, CleanEntry entry, CancellationToken cancellationToken)
    {
        var found = new List<string>();
        await foreach (var record in store.ReadLogAsync(new(collection, key), null, cancellationToken)) found.Add(recognise is null ? Encoding.UTF8.GetString(record.Span) : recognise(Encoding.UTF8.GetString(record.Span)));
        if (collection == "totals") SharedLog(entry.Log, found);
        else if (entry.Records is var expected && !found.SequenceEqual(expected)) LogDiffers($"log of {collection}/{key}", expected, found);
    }

    /// <summary>Between partitions and keys that may be set aside there is no order; within one there is, and of each type there are as many as the limit leaves.</summary>
    private void SharedLog(List<Event> log, List<string> found)
    {
        var types = log.ToLookup(e => e.Type);
        var byJson = log.GroupBy(e => e.Json).ToDictionary(same => same.Key, same => same.First());
        foreach (var stray in found.Where(record => !byJson.ContainsKey(record))) LogDiffers("log of totals/all", [], [stray]);
        foreach (var type in types)
        {
            var ofType = found.Where(record => byJson.TryGetValue(record, out var e) && e.Type == type.Key).Select(record => byJson[record]).ToList();
            var limit = Event.LogLimits[type.Key];
            if (ofType.Count != Math.Min(limit, type.Count())) LogDiffers($"log of totals/all, {type.Key}", type.Take(limit).Select(e => e.Json), ofType.Select(e => e.Json));
            foreach (var of in ofType.GroupBy(e => CleanFold.ChainOf(e.Data)))
                if (type.Where(e => CleanFold.ChainOf(e.Data) == of.Key).TakeLast(of.Count()) is var expected && !of.SequenceEqual(expected)) LogDiffers($"log of totals/all, {type.Key} of {of.Key}", expected.Select(e => e.Json), of.Select(e => e.Json));
        }
    }

    private void LogDiffers(string what, IEnumerable<string> expected, IEnumerable<string> found)
    {
        var isOrder = expected.Order(StringComparer.Ordinal).SequenceEqual(found.Order(StringComparer.Ordinal));
        (OutOfOrder, Wrong) = isOrder ? (OutOfOrder + 1, Wrong) : (OutOfOrder, Wrong + 1);
        Tell($"{what}: [{Numbers(found)}] instead of [{Numbers(expected)}]");

        static string Numbers(IEnumerable<string> records) => string.Join(' ', records.TakeLast(30).Select(record => JsonSerializer.Deserialize<JsonElement>(record).GetProperty("data").GetProperty("n").GetInt64()));
    }

    private async Task ParkedAsync(CancellationToken cancellationToken)
    {
        var all = await RowsAsync(cancellationToken);
        var rows = all.Where(row => row.N >= 0).ToList();
        if (all.Count - rows.Count != unreadable)
        {
            (Lost, Wrong) = (Lost + Math.Max(0, unreadable - (all.Count - rows.Count)), Wrong + Math.Max(0, all.Count - rows.Count - unreadable));
            Tell(Text($"$parked: {all.Count - rows.Count} unreadable events instead of {unreadable}"));
        }
        if (rows.GroupBy(row => row.Partition).OrderBy(lane => lane.Key).SelectMany(lane => lane).SequenceEqual(clean.Parked)) return;
        Lost += clean.Parked.Except(rows).Count();
        Doubled += rows.Count - rows.Distinct().Count();
        var strange = rows.Except(clean.Parked).ToList();
        Wrong += strange.Count;
        if (rows.ToHashSet().SetEquals(clean.Parked)) OutOfOrder++;
        Tell(Text($"$parked: {rows.Count} rows instead of {clean.Parked.Count}; missing {string.Join(' ', clean.Parked.Except(rows).Take(Told))}; too many {string.Join(' ', strange.Take(Told))}"));
    }

    /// <summary>An event that is no JSON has a number below zero.</summary>
    private async Task<List<(int Partition, long N, bool Behind)>> RowsAsync(CancellationToken cancellationToken)
        => [.. (await AllAsync("$parked", cancellationToken)).OrderBy(row => row.Key, StringComparer.Ordinal).Select(row => JsonSerializer.Deserialize<JsonElement>(row.Value)).Select(row =>
            (Data: DataOf(row.GetProperty("event").GetBytesFromBase64()), Behind: row.GetProperty("behind").GetBoolean()))
            .Select(row => (row.Data.P, row.Data.N, row.Behind))];

    private static Data DataOf(byte[] record)
    {
        try { return JsonSerializer.Deserialize<JsonElement>(record).GetProperty("data").Deserialize<Data>(JsonSerializerOptions.Web)!; }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException) { return new(-1, -1, "", 0); }
    }

    private async Task<Dictionary<string, string>> AllAsync(string collection, CancellationToken cancellationToken)
    {
        var all = new Dictionary<string, string>();
        string? after = null;
        do
        {
            var page = await store.ReadPageAsync(collection, "", after, 1000, cancellationToken);
            foreach (var (key, entry) in page.Entries) all.Add(key, Encoding.UTF8.GetString(entry.Value.Span));
            after = page.Next;
        }
        while (after is not null);
        return all;
    }

    private void Tell(string difference)
    {
        lock (Differences)
            if (Differences.Count < Told) Differences.Add(difference);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
