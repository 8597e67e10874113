using System.Text.Json;

namespace Brook.Testing;

/// <summary>One Then: what it looks at, and what is wrong with it once all is handled; null: nothing.</summary>
internal sealed record Expectation(string What, Func<ScenarioRun, CancellationToken, ValueTask<Mismatch?>> Check);

/// <summary>Expected and found, as texts.</summary>
internal sealed record Mismatch(string Expected, string Found)
{
    public static Mismatch? Between(string expected, string found) => expected == found ? null : new(expected, found);

    /// <summary>JSON values are compared, not texts: the order of properties and the spelling of numbers do not matter.</summary>
    public static Mismatch? BetweenJson(string expected, string? found) => found is not null && SameJson(expected, found) ? null : new(expected, found ?? "nothing");

    /// <summary>As many rows as expected, in order.</summary>
    public static Mismatch? BetweenRows(IReadOnlyList<ExpectedRow> expected, IReadOnlyList<FoundRow> found, ScenarioRun run)
        => expected.Count == found.Count && expected.Zip(found).All(pair => pair.First.IsMetBy(run, pair.Second))
            ? null
            : new(Lines(expected.Select(row => row.Show(run))), Lines(found.Select(row => row.ToString())));

    public static bool SameJson(string left, string right) => JsonElement.DeepEquals(JsonElement.Parse(left), JsonElement.Parse(right));

    private static string Lines(IEnumerable<string> rows) => string.Join("\n              ", rows) is { Length: > 0 } lines ? lines : "none";
}

/// <summary>A row that is expected: an event set aside, or one sent.</summary>
internal sealed record ExpectedRow(Func<ScenarioRun, string> Show, Func<ScenarioRun, FoundRow, bool> IsMetBy);

/// <summary>A row that was found: the event, and why it was set aside or what data it was sent with.</summary>
internal sealed record FoundRow(string Type, string? Key, string Detail)
{
    public override string ToString() => Key is null ? $"{Type}: {Detail}" : $"{Type}({Key}): {Detail}";
}
