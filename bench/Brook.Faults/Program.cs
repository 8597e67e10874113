using System.Globalization;

namespace Brook.Faults;

/// <summary>./bench/faults: usage below. Exit code 1: something was lost, doubled, out of order, or a missing guard was not noticed.</summary>
internal static class Program
{
    private const int AblationTrials = 10;

    private const string Usage = """
        Usage: ./bench/faults --all [--trials N] [--only FAULT] [--seed S] [--json]
               ./bench/faults [--store redis|sqlite|postgres] [--trials N] [--only FAULT] [--feed offsets|messages] [--seed S] [--without GUARD] [--json]
               ./bench/faults --ablations [--store redis|sqlite|postgres] [--seed S] [--json]
               ./bench/faults --transport inmemory|rabbitmq|kafka [--store inmemory|redis|sqlite|postgres] [--trials N] [--only FAULT] [--seed S] [--without GUARD] [--ablations] [--json]
        """;

    public static async Task<int> Main(string[] args)
    {
        if (args is ["worker", var port, var token]) return await Worker.RunAsync(int.Parse(port, CultureInfo.InvariantCulture), token);
        try { return await RunAsync(args, Console.Out, CancellationToken.None); }
        finally
        {
            foreach (var transport in Transport.All) await transport.DisposeAsync();
        }
    }

    public static async Task<int> RunAsync(string[] args, TextWriter output, CancellationToken cancellationToken)
    {
        var (seed, trials, only, transport) = (Number("--seed", 1), Number("--trials", 10), Text("--only"), Transport.All.FirstOrDefault(transport => transport.Name == Text("--transport")));
        if (args.Contains("--all") && (only is null || BusFault.All.Any(fault => fault.Name == only))) return await new Matrix(trials, seed, only, output).RunAsync(args.Contains("--json"), cancellationToken) ? 0 : 1;
        var store = Store.All.FirstOrDefault(store => store.Name == (Text("--store") ?? (transport is InMemoryTransport ? "inmemory" : "redis")));
        var faults = transport is null && store is not null and not InMemory ? Fault.All.Where(fault => only is not null ? fault.Name == only : !fault.IsAskedFor).ToList() : [];
        var busFaults = store is null ? [] : transport?.FaultsOn(store).Where(fault => only is not null ? fault.Name == only : !fault.IsAskedFor).ToList() ?? [];
        var feeds = Feed.All.Where(feed => Text("--feed") is not { } feedName || feed.Name == feedName).ToList();
        IReadOnlyList<Guard> guards = store is null ? [] : transport is null ? [.. Guard.All.Select(guard => guard.Over(store))] : [.. transport.Guards.Where(guard => transport.FaultsOn(store).Any(fault => fault.Name == guard.Fault))];
        var without = guards.FirstOrDefault(guard => guard.Name == Text("--without"));
        if (args.Contains("--help") || store is null || faults.Count + busFaults.Count == 0 || feeds.Count == 0 || (without is null && args.Contains("--without")) || (transport is null && args.Contains("--transport")))
        {
            await output.WriteLineAsync($"{Usage}\nStores:\n{Lines(Store.All.Select(one => (one.Name, "")))}\nFaults:\n{Lines(Fault.All.Select(one => (one.Name, one.About)))}\nGuards:\n{Lines(Guard.All.Select(one => (one.Name, one.About)))}"
                + string.Concat(Transport.All.Select(one => $"\nFaults over {one.Title}:\n{Lines(one.Faults.Select(fault => (fault.Name, fault.About)))}\nGuards over {one.Title}:\n{Lines(one.Guards.Select(guard => (guard.Name, guard.About)))}")));
            return 2;
        }
        if ((store.WhyNot ?? transport?.WhyNot) is { } reason)
        {
            await output.WriteLineAsync(reason);
            return 2;
        }
        await using var pool = new WorkerPool();
        if (args.Contains("--ablations")) return await AblationsAsync(guards, Ablated, seed, args.Contains("--json"), output);
        return await FaultsAsync(transport?.Name, store, transport is null ? InProcess() : OverBus(transport), seed, without, args.Contains("--json"), output);

        string? Text(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string option, int otherwise) => Text(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        static string Lines(IEnumerable<(string Name, string About)> lines) => string.Join('\n', lines.Select(line => $"  {line.Name,-20} {line.About}"));

        IEnumerable<Row> InProcess()
            => from fault in faults
               let applicable = feeds.Where(feed => fault.AppliesTo(store, feed)).ToList()
               from row in applicable.Index()
               select new Row(fault.Name, row.Item.Name, (trials + applicable.Count - 1 - row.Index) / applicable.Count, $"--only {fault.Name} --feed {row.Item.Name}", s => Trial.RunAsync(pool, store, fault, row.Item, s, without, cancellationToken));

        IEnumerable<Row> OverBus(Transport over)
            => busFaults.Select(fault => new Row(fault.Name, over.Name, trials, $"--transport {over.Name} --store {store.Name} --only {fault.Name}", s => BusTrial.RunAsync(pool, over, store, fault, s, without, isShort: false, cancellationToken)));

        Task<Outcome> Ablated(Guard guard, int s) => transport is null
            ? Trial.RunAsync(pool, store, Fault.All.First(fault => fault.Name == guard.Fault), guard.Feed, s, guard, cancellationToken)
            : BusTrial.RunAsync(pool, transport, store, transport.FaultsOn(store).First(fault => fault.Name == guard.Fault), s, guard, isShort: false, cancellationToken);
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
