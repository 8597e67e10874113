using System.Globalization;
using System.Text.Json;

namespace Brook.Faults;

/// <summary>All trials of a fault with one feed.</summary>
internal sealed record FaultResult(string Fault, string Feed, IReadOnlyList<Outcome> Outcomes)
{
    public IEnumerable<Outcome> Bad => Outcomes.Where(outcome => !outcome.IsExact);

    public long Sum(Func<Outcome, long> of) => Outcomes.Sum(of);
}

/// <summary>Whether a guard's absence was noticed.</summary>
internal sealed record GuardResult(Guard Guard, int Trials, Outcome? Caught);

/// <summary>Figures for the eye and for a program.</summary>
internal static partial class Report
{
    public static readonly string[] Columns = ["fault", "feed", "trials", "injected", "events", "gone", "commits", "conflicts", "failed calls", "fenced", "reads", "parked", "released", "lost", "doubled", "order", "half", "wrong", "s/trial", "verdict"];
    private static readonly int[] s_widths = [19, 8, 6, 8, 7, 5, 7, 9, 12, 6, 6, 6, 8, 4, 7, 5, 4, 5, 7, 0];

    public static string Line(IReadOnlyList<string> cells) => string.Join("  ", cells.Select((cell, i) => i is 0 or 1 or 19 ? cell.PadRight(s_widths[i]) : cell.PadLeft(s_widths[i])));

    public static string[] Cells(FaultResult row) =>
    [
        row.Fault, row.Feed, Whole(row.Outcomes.Count), Whole(row.Sum(o => o.Injected)), Whole(row.Sum(o => o.Events)), Whole(row.Sum(o => o.TakenBack)), Whole(row.Sum(o => o.Commits)), Whole(row.Sum(o => o.Conflicts)), Whole(row.Sum(o => o.Failures)),
        Whole(row.Sum(o => o.Fenced)), Whole(row.Sum(o => o.Reads)), Whole(row.Sum(o => o.Parked)), Whole(row.Sum(o => o.Released)), Whole(row.Sum(o => o.Lost)), Whole(row.Sum(o => o.Doubled)), Whole(row.Sum(o => o.OutOfOrder)), Whole(row.Sum(o => o.Half)), Whole(row.Sum(o => o.Wrong)),
        row.Outcomes.Average(o => o.Took.TotalSeconds).ToString("F1", CultureInfo.InvariantCulture),
        Verdict(row),
    ];

    public static string Text(Outcome outcome) => $"  seed {outcome.Seed}: {string.Join("\n    ", outcome.Stuck is null ? outcome.Differences : outcome.Differences.Prepend(outcome.Stuck))}";

    public static string Json(string? transport, string store, IReadOnlyList<FaultResult> rows) => JsonSerializer.Serialize(new
    {
        transport,
        store,
        exact = !rows.Any(row => row.Bad.Any()),
        rows = rows.Select(row => new
        {
            fault = row.Fault,
            feed = row.Feed,
            trials = row.Outcomes.Count,
            injected = row.Sum(o => o.Injected),
            events = row.Sum(o => o.Events),
            gone = row.Sum(o => o.TakenBack),
            commits = row.Sum(o => o.Commits),
            conflicts = row.Sum(o => o.Conflicts),
            failed_calls = row.Sum(o => o.Failures),
            fenced = row.Sum(o => o.Fenced),
            moved = row.Sum(o => o.Moved),
            reads = row.Sum(o => o.Reads),
            parked = row.Sum(o => o.Parked),
            released = row.Sum(o => o.Released),
            skipped = row.Sum(o => o.Skipped),
            replaced = row.Sum(o => o.Replaced),
            lost = row.Sum(o => o.Lost),
            doubled = row.Sum(o => o.Doubled),
            out_of_order = row.Sum(o => o.OutOfOrder),
            half = row.Sum(o => o.Half),
            wrong = row.Sum(o => o.Wrong),
            bad_seeds = row.Bad.Select(o => o.Seed),
        }),
    });

    public static string Text(GuardResult result) => string.Create(CultureInfo.InvariantCulture,
        $"{result.Guard.Name,-15} {result.Guard.About,-55} {result.Guard.Fault,-12} {result.Guard.Feed.Name,-9} {(result.Caught is { } caught ? $"caught by trial {result.Trials}, seed {caught.Seed}: {(caught.Stuck is null ? $"lost {caught.Lost}, doubled {caught.Doubled}, order {caught.OutOfOrder}, half {caught.Half}, wrong {caught.Wrong}" : "it does not end")}" : $"NOT CAUGHT in {result.Trials} trials")}");

    public static string Json(IReadOnlyList<GuardResult> results) => JsonSerializer.Serialize(new
    {
        caught = results.All(result => result.Caught is not null),
        rows = results.Select(result => new { guard = result.Guard.Name, fault = result.Guard.Fault, feed = result.Guard.Feed.Name, trials = result.Trials, caught = result.Caught is not null, seed = result.Caught?.Seed }),
    });

    private static string Whole(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
