using System.Globalization;
using System.Text.Json;

namespace Brook.Faults;

/// <summary>The table of all transports and stores.</summary>
internal static partial class Report
{
    public static readonly string[] MatrixColumns = ["transport", "store", "fault", "trials", "injected", "events", "lost", "doubled", "order", "parked", "released", "skipped", "replaced", "verdict"];
    private static readonly int[] s_matrixWidths = [9, 8, 18, 6, 8, 8, 4, 7, 5, 6, 8, 7, 8, 0];

    public static string MatrixLine(IReadOnlyList<string> cells) => string.Join("  ", cells.Select((cell, i) => i < 3 || i == cells.Count - 1 ? cell.PadRight(s_matrixWidths[i]) : cell.PadLeft(s_matrixWidths[i])));

    public static string[] Cells(MatrixRow row) => [row.Transport, row.Store, row.Result.Fault, .. Figures(row.Result)];

    public static string[] Sums(IReadOnlyList<MatrixRow> rows) => ["all", "", "", .. Figures(new("all", "all", [.. rows.SelectMany(row => row.Result.Outcomes)]))];

    public static string Json(IReadOnlyList<MatrixRow> rows, IReadOnlyList<NotApplicable> not) => JsonSerializer.Serialize(new
    {
        exact = rows.Count > 0 && !rows.Any(row => row.Result.Bad.Any()),
        rows = rows.Select(row => new { transport = row.Transport, store = row.Store, fault = row.Result.Fault, figures = Numbers(row.Result), bad_seeds = row.Result.Bad.Select(o => o.Seed) }),
        sums = Numbers(new("all", "all", [.. rows.SelectMany(row => row.Result.Outcomes)])),
        not_applicable = not.Select(one => new { transport = one.Transport, store = one.Store, faults = one.Faults, reason = one.Reason }),
    });

    private static string[] Figures(FaultResult row) =>
    [
        Whole(row.Outcomes.Count), Whole(row.Sum(o => o.Injected)), Whole(row.Sum(o => o.Events)), Whole(row.Sum(o => o.Lost)), Whole(row.Sum(o => o.Doubled)), Whole(row.Sum(o => o.OutOfOrder)),
        Whole(row.Sum(o => o.Parked)), Whole(row.Sum(o => o.Released)), Whole(row.Sum(o => o.Skipped)), Whole(row.Sum(o => o.Replaced)), Verdict(row),
    ];

    private static object Numbers(FaultResult row) => new
    {
        trials = row.Outcomes.Count,
        injected = row.Sum(o => o.Injected),
        events = row.Sum(o => o.Events),
        lost = row.Sum(o => o.Lost),
        doubled = row.Sum(o => o.Doubled),
        out_of_order = row.Sum(o => o.OutOfOrder),
        half = row.Sum(o => o.Half),
        wrong = row.Sum(o => o.Wrong),
        parked = row.Sum(o => o.Parked),
        released = row.Sum(o => o.Released),
        skipped = row.Sum(o => o.Skipped),
        replaced = row.Sum(o => o.Replaced),
    };

    private static string Verdict(FaultResult row) => row.Outcomes.Count == 0 ? "not run" : row.Bad.Any() ? $"BROKEN in {row.Bad.Count()}: seed {string.Join(", ", row.Bad.Select(o => o.Seed))}" : "exact";
}
