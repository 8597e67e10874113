using System.Globalization;

namespace Brook.Faults;

/// <summary>./bench/faults: usage below. Exit code 1: something was lost, doubled, out of order, or a missing guard was not noticed.</summary>
internal static class Program
{
    private const int AblationTrials = 10;

    private const string Usage = """
        Usage: ./bench/faults [--store redis|postgres] [--trials N] [--only FAULT] [--feed offsets|messages] [--seed S] [--without GUARD] [--json]
               ./bench/faults --ablations [--seed S] [--json]
               ./bench/faults --transport rabbitmq [--store redis|postgres] [--trials N] [--only FAULT] [--seed S] [--without GUARD] [--ablations] [--json]
        """;

    public static Task<int> Main(string[] args) => args is ["worker", var port, var token] ? Worker.RunAsync(int.Parse(port, CultureInfo.InvariantCulture), token) : RunAsync(args, Console.Out, CancellationToken.None);

    public static async Task<int> RunAsync(string[] args, TextWriter output, CancellationToken cancellationToken)
    {
        var (store, seed, trials, only) = (Store.All.FirstOrDefault(store => store.Name == (Text("--store") ?? "redis")), Number("--seed", 1), Number("--trials", 10), Text("--only"));
        var overRabbit = Text("--transport") == "rabbitmq";
        var faults = overRabbit ? [] : Fault.All.Where(fault => only is not null ? fault.Name == only : !fault.IsAskedFor).ToList();
        var rabbitFaults = overRabbit ? RabbitFault.All.Where(fault => only is not null ? fault.Name == only : !fault.IsAskedFor).ToList() : [];
        var feeds = Feed.All.Where(feed => Text("--feed") is not { } feedName || feed.Name == feedName).ToList();
        var guards = overRabbit ? RabbitFault.Guards : Guard.All;
        var without = guards.FirstOrDefault(guard => guard.Name == Text("--without"));
        if (args.Contains("--help") || store is null || faults.Count + rabbitFaults.Count == 0 || feeds.Count == 0 || (without is null && args.Contains("--without")) || (!overRabbit && args.Contains("--transport")))
        {
            await output.WriteLineAsync($"{Usage}\nStores:\n{Lines(Store.All.Select(one => (one.Name, "")))}\nFaults:\n{Lines(Fault.All.Select(one => (one.Name, one.About)))}\nGuards:\n{Lines(Guard.All.Select(one => (one.Name, one.About)))}"
                + $"\nFaults over RabbitMQ:\n{Lines(RabbitFault.All.Select(one => (one.Name, one.About)))}\nGuards over RabbitMQ:\n{Lines(RabbitFault.Guards.Select(one => (one.Name, one.About)))}");
            return 2;
        }
        if ((store.WhyNot ?? (overRabbit ? RabbitBroker.WhyNot : null)) is { } reason)
        {
            await output.WriteLineAsync(reason);
            return 2;
        }
        await using var pool = new WorkerPool();
        await using var broker = new RabbitBroker();
        if (args.Contains("--ablations")) return await AblationsAsync(guards, Ablated, seed, args.Contains("--json"), output);
        return await FaultsAsync(overRabbit ? "rabbitmq" : null, store, overRabbit ? OverRabbit() : InProcess(), seed, without, args.Contains("--json"), output);

        string? Text(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string option, int otherwise) => Text(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        static string Lines(IEnumerable<(string Name, string About)> lines) => string.Join('\n', lines.Select(line => $"  {line.Name,-20} {line.About}"));

        IEnumerable<Row> InProcess()
            => from fault in faults
               let applicable = feeds.Where(feed => fault.AppliesTo(store, feed)).ToList()
               from row in applicable.Index()
               select new Row(fault.Name, row.Item.Name, (trials + applicable.Count - 1 - row.Index) / applicable.Count, $"--only {fault.Name} --feed {row.Item.Name}", s => Trial.RunAsync(pool, store, fault, row.Item, s, without, cancellationToken));

        IEnumerable<Row> OverRabbit()
            => rabbitFaults.Select(fault => new Row(fault.Name, "rabbitmq", trials, $"--transport rabbitmq --only {fault.Name}", s => RabbitTrial.RunAsync(pool, broker, store, fault, s, without, cancellationToken)));

        Task<Outcome> Ablated(Guard guard, int s) => overRabbit
            ? RabbitTrial.RunAsync(pool, broker, store, RabbitFault.All.First(fault => fault.Name == guard.Fault), s, guard, cancellationToken)
            : Trial.RunAsync(pool, store, Fault.All.First(fault => fault.Name == guard.Fault), guard.Feed, s, guard, cancellationToken);
    }

    /// <summary>A row of the table.</summary>
    private sealed record Row(string Fault, string Feed, int Trials, string Options, Func<int, Task<Outcome>> RunAsync);

    private static async Task<int> FaultsAsync(string? transport, Store store, IEnumerable<Row> rows, int seed, Guard? without, bool json, TextWriter output)
    {
        var results = new List<FaultResult>();
        await output.WriteLineAsync(Report.Line(Report.Columns));
        foreach (var row in rows.Where(row => row.Trials > 0))
        {
            var outcomes = new List<Outcome>();
            for (var trial = 0; trial < row.Trials; trial++) outcomes.Add(await row.RunAsync(seed + trial));
            var result = new FaultResult(row.Fault, row.Feed, outcomes);
            results.Add(result);
            await output.WriteLineAsync(Report.Line(Report.Cells(result)));
            foreach (var bad in result.Bad) await output.WriteLineAsync($"{Report.Text(bad)}\n  again: ./bench/faults {row.Options} --trials 1 --seed {bad.Seed}{(without is null ? "" : $" --without {without.Name}")}");
        }
        if (json) await output.WriteLineAsync(Report.Json(transport, store.Name, results));
        return results.Any(result => result.Bad.Any()) ? 1 : 0;
    }

    private static async Task<int> AblationsAsync(IReadOnlyList<Guard> guards, Func<Guard, int, Task<Outcome>> runAsync, int seed, bool json, TextWriter output)
    {
        var results = new List<GuardResult>();
        foreach (var guard in guards)
        {
            Outcome? caught = null;
            var trials = 0;
            while (caught is null && trials < AblationTrials)
                if (await runAsync(guard, seed + trials++) is { IsExact: false } outcome) caught = outcome;
            results.Add(new(guard, trials, caught));
            await output.WriteLineAsync(Report.Text(results[^1]));
        }
        if (json) await output.WriteLineAsync(Report.Json(results));
        return results.All(result => result.Caught is not null) ? 0 : 1;
    }
}
