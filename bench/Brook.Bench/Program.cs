using System.Globalization;

namespace Brook.Bench;

/// <summary>./bench/run SCENARIO [--json] [--markdown] [--rounds N] [--events N] [--only ROW]. The last two are for tests and profiles: ratios need every row at its own size.</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) => RunAsync(args, Console.Out);

    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        if (args.Length == 0 || Scenario.All.FirstOrDefault(scenario => scenario.Name == args[0]) is not { } scenario)
        {
            await output.WriteLineAsync("Usage: ./bench/run SCENARIO [--json] [--markdown] [--rounds N]\nScenarios:");
            foreach (var one in Scenario.All) await output.WriteLineAsync($"  {one.Name,-12} {one.About}");
            return 2;
        }
        return await RunAsync(scenario, args, output);
    }

    /// <summary>Exit code 2: this machine lacks something.</summary>
    internal static async Task<int> RunAsync(Scenario scenario, string[] args, TextWriter output)
    {
        if (scenario.WhyNot is { } reason)
        {
            await output.WriteLineAsync($"{scenario.Name} cannot run: {reason}");
            return 2;
        }
        var (machine, events, only) = (Machine.Now(), Number("--events", 0), Text("--only"));
        await scenario.StartAsync();
        try
        {
            var results = await Measure.RunAsync(scenario, Number("--rounds", 3), events, only);
            var figures = only is null ? await scenario.FiguresAsync(events) : [];
            var report = new Report(scenario, machine, Machine.Now(), results, figures);
            await output.WriteLineAsync(args.Contains("--markdown") ? report.Markdown().TrimEnd() : report.Table());
            if (args.Contains("--json")) await output.WriteLineAsync(report.Json());
            return 0;
        }
        finally
        {
            await scenario.StopAsync();
        }

        string? Text(string option) => Array.IndexOf(args, option) is > 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string option, int otherwise) => Text(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }
}
