using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Brook.Bench;

/// <summary>The same figures three ways: for the eye, to commit, for a program. Medians of the rounds; a ratio is made round by round, then the median.</summary>
internal sealed class Report(Scenario scenario, Machine before, Machine after, IReadOnlyList<RowResult> rows, IReadOnlyList<Figure> figures)
{
    private static readonly JsonSerializerOptions s_json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private readonly bool _hasServer = rows[0].Samples[0].ServerCpu is not null;

    public string Table()
    {
        var cells = rows.Select(Cells).Prepend(Columns()).ToList();
        var widths = cells[0].Select((_, column) => cells.Max(line => line[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in Header()) text.AppendLine(line);
        text.AppendLine();
        foreach (var line in cells) text.AppendLine(string.Join("  ", line.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))));
        foreach (var (name, value) in Ratios()) text.AppendLine(CultureInfo.InvariantCulture, $"{name}: {value:F2}");
        foreach (var (name, value) in figures) text.AppendLine(CultureInfo.InvariantCulture, $"{name}: {Short(value)}");
        return text.ToString();
    }

    public string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"## {scenario.Name}").AppendLine();
        foreach (var line in Header()) text.AppendLine(CultureInfo.InvariantCulture, $"- {line}");
        text.AppendLine().AppendLine(Line(Columns())).AppendLine($"|---|{string.Concat(Columns().Skip(1).Select(_ => "---:|"))}");
        foreach (var row in rows) text.AppendLine(Line(Cells(row)));
        Pairs("ratio of events/s", [.. Ratios().Select(ratio => (ratio.Name, ratio.Value.ToString("F2", CultureInfo.InvariantCulture)))]);
        Pairs("figure", [.. figures.Select(figure => (figure.Name, Short(figure.Value)))]);
        return text.ToString();

        void Pairs(string title, (string Name, string Value)[] pairs)
        {
            if (pairs.Length == 0) return;
            text.AppendLine().AppendLine(Line([title, ""])).AppendLine("|---|---:|");
            foreach (var (name, value) in pairs) text.AppendLine(Line([name, value]));
        }

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
            server_cpu_us_per_event = _hasServer ? Math.Round(row.Median(sample => sample.ServerCpuMicroseconds), 3) : (double?)null,
            bytes_per_event = Math.Round(row.Median(sample => sample.BytesPerEvent), 1),
            gc_pause_percent = Math.Round(row.Median(sample => sample.PausedPercent), 1),
        }),
        ratios = Ratios().ToDictionary(ratio => ratio.Name, ratio => Math.Round(ratio.Value, 3)),
        figures = figures.Count == 0 ? null : figures.ToDictionary(figure => figure.Name, figure => Math.Round(figure.Value, 3)),
        cores = before.Cores,
        runtime = before.Runtime,
        load = new[] { before.Load, after.Load },
    }, s_json);

    private IEnumerable<string> Header() =>
    [
        scenario.About,
        .. scenario.Notes,
        $"{before.Cpu}, {before.Cores} cores; {before.Os}; {before.Runtime}; GC {before.Gc}; load average {before.Load} before, {after.Load} after",
        $"median of {rows[0].Samples.Count} rounds in which all rows took turns, after {Measure.WarmUps} that are not counted",
    ];

    private string[] Columns() => ["row", "events/s", "lowest - highest", "CPU us/event", "events/CPU s", .. _hasServer ? ["server CPU us/event"] : (string[])[], "bytes/event", "GC pause"];

    private string[] Cells(RowResult row) =>
    [
        row.Name,
        Whole(row.Median(sample => sample.PerSecond)),
        $"{Whole(row.Samples.Min(sample => sample.PerSecond))} - {Whole(row.Samples.Max(sample => sample.PerSecond))}",
        row.Median(sample => sample.CpuMicroseconds).ToString("F2", CultureInfo.InvariantCulture),
        Whole(1e6 / row.Median(sample => sample.CpuMicroseconds)),
        .. _hasServer ? [row.Median(sample => sample.ServerCpuMicroseconds).ToString("F2", CultureInfo.InvariantCulture)] : (string[])[],
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

    private static string Short(double value) => value < 10 ? value.ToString("F2", CultureInfo.InvariantCulture) : Whole(value);

    private static string Whole(double value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
