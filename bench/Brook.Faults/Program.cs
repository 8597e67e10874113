using System.Globalization;

namespace Brook.Faults;

/// <summary>./bench/faults: usage below. Exit code 1: something was lost, doubled, out of order, or a missing guard was not noticed.</summary>
internal static class Program
{
    private const int AblationTrials = 10;

    private const string Usage = """
        Usage: ./bench/faults [--store redis] [--trials N] [--only FAULT] [--feed offsets|messages] [--seed S] [--without GUARD] [--json]
               ./bench/faults --ablations [--seed S] [--json]
        """;

    public static Task<int> Main(string[] args) => args is ["worker", var port, var token] ? Worker.RunAsync(int.Parse(port, CultureInfo.InvariantCulture), token) : RunAsync(args, Console.Out, CancellationToken.None);

    public static async Task<int> RunAsync(string[] args, TextWriter output, CancellationToken cancellationToken)
    {
        var (store, seed, trials) = (Store.All.FirstOrDefault(store => store.Name == (Text("--store") ?? "redis")), Number("--seed", 1), Number("--trials", 10));
        var faults = Fault.All.Where(fault => Text("--only") is { } only ? fault.Name == only : !fault.IsAskedFor).ToList();
        var feeds = Feed.All.Where(feed => Text("--feed") is not { } only || feed.Name == only).ToList();
        var without = Guard.All.FirstOrDefault(guard => guard.Name == Text("--without"));
        if (args.Contains("--help") || store is null || faults.Count == 0 || feeds.Count == 0 || (without is null && args.Contains("--without")))
        {
            await output.WriteLineAsync($"{Usage}\nStores:\n{string.Join('\n', Store.All.Select(one => $"  {one.Name}"))}\nFaults:\n{string.Join('\n', Fault.All.Select(one => $"  {one.Name,-20} {one.About}"))}\nGuards:\n{string.Join('\n', Guard.All.Select(one => $"  {one.Name,-20} {one.About}"))}");
            return 2;
        }
        if (store.WhyNot is { } reason)
        {
            await output.WriteLineAsync(reason);
            return 2;
        }
        await using var pool = new WorkerPool();
        return args.Contains("--ablations") ? await AblationsAsync(pool, store, seed, args.Contains("--json"), output, cancellationToken) : await FaultsAsync(pool, store, faults, feeds, seed, trials, without, args.Contains("--json"), output, cancellationToken);

        string? Text(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string option, int otherwise) => Text(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }

    private static async Task<int> FaultsAsync(WorkerPool pool, Store store, List<Fault> faults, List<Feed> feeds, int seed, int trials, Guard? without, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        var results = new List<FaultResult>();
        await output.WriteLineAsync(Report.Line(Report.Columns));
        foreach (var fault in faults)
        {
            var applicable = feeds.Where(feed => fault.AppliesTo(store, feed)).ToList();
            foreach (var (i, feed) in applicable.Index())
            {
                var outcomes = new List<Outcome>();
                for (var trial = 0; trial < (trials + applicable.Count - 1 - i) / applicable.Count; trial++)
                    outcomes.Add(await Trial.RunAsync(pool, store, fault, feed, seed + trial, without, cancellationToken));
                if (outcomes.Count == 0) continue;
                var result = new FaultResult(fault, feed, outcomes);
                results.Add(result);
                await output.WriteLineAsync(Report.Line(Report.Cells(result)));
                foreach (var bad in result.Bad) await output.WriteLineAsync($"{Report.Text(bad)}\n  again: ./bench/faults --only {fault.Name} --feed {feed.Name} --trials 1 --seed {bad.Seed}{(without is null ? "" : $" --without {without.Name}")}");
            }
        }
        if (json) await output.WriteLineAsync(Report.Json(store.Name, results));
        return results.Any(result => result.Bad.Any()) ? 1 : 0;
    }

    private static async Task<int> AblationsAsync(WorkerPool pool, Store store, int seed, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        var results = new List<GuardResult>();
        foreach (var guard in Guard.All)
        {
            var fault = Fault.All.First(fault => fault.Name == guard.Fault);
            Outcome? caught = null;
            var trials = 0;
            while (caught is null && trials < AblationTrials)
                if (await Trial.RunAsync(pool, store, fault, guard.Feed, seed + trials++, guard, cancellationToken) is { IsExact: false } outcome) caught = outcome;
            results.Add(new(guard, trials, caught));
            await output.WriteLineAsync(Report.Text(results[^1]));
        }
        if (json) await output.WriteLineAsync(Report.Json(results));
        return results.All(result => result.Caught is not null) ? 0 : 1;
    }
}
