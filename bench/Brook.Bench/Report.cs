using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Brook.Bench;

/// <summary>The same figures three ways: for the eye, to commit, for a program. Medians of the rounds; a ratio is made round by round, then the median.</summary>
internal sealed class Report(Scenario scenario, Machine before, Machine after, IReadOnlyList<RowResult> rows)
{
    private static readonly string[] s_columns = ["row", "events/s", "lowest - highest", "CPU us/event", "events/CPU s", "bytes/event", "GC pause"];

    public string Table()
    {
        var cells = rows.Select(Cells).Prepend(s_columns).ToList();
        var widths = s_columns.Select((_, column) => cells.Max(line => line[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in Header()) text.AppendLine(line);
        text.AppendLine();
        foreach (var line in cells) text.AppendLine(string.Join("  ", line.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))));
        foreach (var (name, value) in Ratios()) text.AppendLine(CultureInfo.InvariantCulture, $"{name}: {value:F2}");
        return text.ToString();
    }

    public string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"## {scenario.Name}").AppendLine();
        foreach (var line in Header()) text.AppendLine(CultureInfo.InvariantCulture, $"- {line}");
        text.AppendLine().AppendLine(Line(s_columns)).AppendLine("|---|---:|---:|---:|---:|---:|---:|");
        foreach (var row in rows) text.AppendLine(Line(Cells(row)));
        if (Ratios().Count == 0) return text.ToString();
        text.AppendLine().AppendLine("| ratio of events/s | |").AppendLine("|---|---:|");
        foreach (var (name, value) in Ratios()) text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {value:F2} |");
        return text.ToString();

        static string Line(string[] cells) => $"| {string.Join(" | ", cells)} |";
    }

    public string Json() => JsonSerializer.Serialize(new
    {
        scenario = scenario.Name,
        rows = rows.Select(row => new
        {
            name = row.Name,
            events = row.Samples[0].Events,
            events_per_second = Math.Round(row.Median(sample => sample.PerSecond), 1),
            cpu_us_per_event = Math.Round(row.Median(sample => sample.CpuMicroseconds), 3),
            bytes_per_event = Math.Round(row.Median(sample => sample.BytesPerEvent), 1),
            gc_pause_percent = Math.Round(row.Median(sample => sample.PausedPercent), 1),
        }),
        ratios = Ratios().ToDictionary(ratio => ratio.Name, ratio => Math.Round(ratio.Value, 3)),
        cores = before.Cores,
        runtime = before.Runtime,
        load = new[] { before.Load, after.Load },
    });

    private IEnumerable<string> Header() =>
    [
        scenario.About,
        .. scenario.Notes,
        $"{before.Cpu}, {before.Cores} cores; {before.Os}; {before.Runtime}; GC {before.Gc}; load average {before.Load} before, {after.Load} after",
        $"median of {rows[0].Samples.Count} rounds in which all rows took turns, after {Measure.WarmUps} that are not counted",
    ];

    private static string[] Cells(RowResult row) =>
    [
        row.Name,
        Whole(row.Median(sample => sample.PerSecond)),
        $"{Whole(row.Samples.Min(sample => sample.PerSecond))} - {Whole(row.Samples.Max(sample => sample.PerSecond))}",
        row.Median(sample => sample.CpuMicroseconds).ToString("F2", CultureInfo.InvariantCulture),
        Whole(1e6 / row.Median(sample => sample.CpuMicroseconds)),
        Whole(row.Median(sample => sample.BytesPerEvent)),
        string.Create(CultureInfo.InvariantCulture, $"{row.Median(sample => sample.PausedPercent):F0} %"),
    ];

    private List<(string Name, double Value)> Ratios() =>
    [
        .. from ratio in scenario.Ratios
           let row = rows.FirstOrDefault(row => row.Name == ratio.Row)
           let of = rows.FirstOrDefault(row => row.Name == ratio.Of)
           where row is not null && of is not null
           select (ratio.Name, Measure.Median(row.Samples.Zip(of.Samples, (mine, other) => mine.PerSecond / other.PerSecond))),
    ];

    private static string Whole(double value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
