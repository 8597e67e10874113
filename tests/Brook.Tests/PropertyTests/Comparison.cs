using System.Text.Json;
using Brook.Storage;

namespace Brook.Tests.PropertyTests;

/// <summary>The store's content against the clean fold.</summary>
internal sealed class Comparison(IViewStore store)
{
    public async Task<string?> DifferenceAsync(Script[] scripts, Delivery delivery, CancellationToken cancellationToken)
    {
        var parked = new List<(int Number, bool Behind)>();
        foreach (var (id, value) in await PageAsync("$parked", cancellationToken))
            if (ParkedRow.Read(id, new StoredEntry(1, value)) is var row) parked.Add((NumberOf(row.Event), row.StandsBehind));
        var clean = new CleanFold();
        if (delivery == Delivery.Shared)
        {
            if (Wrong(scripts[0], parked) is { } wrong) return wrong;
            var numbers = parked.Select(row => row.Number).ToHashSet();
            foreach (var op in scripts[0].Ops.Where(op => !numbers.Contains(op.Number))) clean.Apply(op);
        }
        else
        {
            foreach (var script in scripts) clean.Add(script.Ops);
            if (Difference("parked", clean.Parked.Order(), parked.Order()) is { } difference) return difference;
        }
        var inOrder = delivery != Delivery.Shared;
        return await SameAsync(clean.Sums, "sums", cancellationToken)
            ?? await SameAsync(new Dictionary<string, long> { ["all"] = clean.Total }.Where(total => total.Value != 0).ToDictionary(), "total", cancellationToken)
            ?? (inOrder ? await SameAsync(clean.Order, "order", cancellationToken) : null)
            ?? await ListsAsync(clean, inOrder, cancellationToken)
            ?? await LogsAsync(clean, inOrder, cancellationToken);
    }

    /// <summary>Where order is not promised: what failed is parked once, and what stands behind has something to stand behind.</summary>
    private static string? Wrong(Script script, List<(int Number, bool Behind)> parked)
    {
        var ops = script.Ops.ToDictionary(op => op.Number);
        if (Difference("failed events", script.Ops.Where(op => op.Fails).Select(op => op.Number).Order(), parked.Where(row => ops[row.Number].Fails).Select(row => row.Number).Order()) is { } difference) return difference;
        var failedKeys = script.Ops.Where(op => op.Fails && op.Key is not null).Select(op => op.Key).ToHashSet();
        foreach (var (number, behind) in parked)
            if (!ops[number].Fails && (!behind || !failedKeys.Contains(ops[number].Key))) return $"event {number} is parked for no reason";
        return parked.Count == parked.Distinct().Count() ? null : "an event is parked twice";
    }

    private async Task<string?> SameAsync(Dictionary<string, long> expected, string collection, CancellationToken cancellationToken)
        => Difference(collection, expected.OrderBy(entry => entry.Key, StringComparer.Ordinal),
            (await PageAsync(collection, cancellationToken)).Select(entry => KeyValuePair.Create(entry.Key, JsonSerializer.Deserialize<long>(entry.Value.Span))).OrderBy(entry => entry.Key, StringComparer.Ordinal));

    private async Task<string?> ListsAsync(CleanFold clean, bool inOrder, CancellationToken cancellationToken)
    {
        var found = (await PageAsync("lists", cancellationToken)).ToDictionary(entry => entry.Key, entry => JsonSerializer.Deserialize<List<int>>(entry.Value.Span)!);
        found.Remove("all", out var all);
        if (Difference("list of all", clean.All.Order(), (all ?? []).Order()) is { } difference) return difference;
        foreach (var (entry, expected) in clean.Lists)
            if (Difference($"list {entry}", As(expected, inOrder), As(found.GetValueOrDefault(entry, []), inOrder)) is { } other) return other;
        return found.Count == clean.Lists.Count ? null : "there are lists of nobody";
    }

    private async Task<string?> LogsAsync(CleanFold clean, bool inOrder, CancellationToken cancellationToken)
    {
        foreach (var entry in clean.Sums.Keys)
        {
            var (log, expected) = (new List<int>(), clean.Logs.GetValueOrDefault(entry, []));
            await foreach (var record in store.ReadLogAsync(new("sums", entry), null, cancellationToken)) log.Add(NumberOf(record));
            if (Difference($"log of {entry}", As(expected, inOrder), As(log, inOrder)) is { } difference) return difference;
        }
        return null;
    }

    private static string? Difference<T>(string what, IEnumerable<T> expected, IEnumerable<T> found)
        => expected.SequenceEqual(found) ? null : $"{what}: expected [{string.Join(' ', expected)}], found [{string.Join(' ', found)}]";

    private static IEnumerable<int> As(List<int> numbers, bool inOrder) => inOrder ? numbers : numbers.Order();

    private static int NumberOf(ReadOnlyMemory<byte> record)
    {
        using var json = JsonDocument.Parse(record);
        return json.RootElement.GetProperty("data").GetProperty("number").GetInt32();
    }

    private async Task<IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>>>> PageAsync(string collection, CancellationToken cancellationToken)
        => (await store.ReadPageAsync(collection, "", null, 100_000, cancellationToken)).Entries.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Value));
}
