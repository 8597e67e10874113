using System.Diagnostics;

namespace Brook.Bench;

/// <summary>One turn of one row.</summary>
internal readonly record struct Sample(int Events, TimeSpan Elapsed, TimeSpan Cpu, long Bytes)
{
    public double PerSecond => Events / Elapsed.TotalSeconds;
    public double CpuMicroseconds => Cpu.TotalMicroseconds / Events;
    public double BytesPerEvent => (double)Bytes / Events;
}

/// <summary>The measured turns of one row, one a round.</summary>
internal sealed record RowResult(string Name, IReadOnlyList<Sample> Samples)
{
    public double Median(Func<Sample, double> of) => Measure.Median(Samples.Select(of));
}

/// <summary>All rows take turns: a round that is not counted, then those that are. So whatever the machine does meanwhile, it does to all of them.</summary>
internal static class Measure
{
    public static async Task<IReadOnlyList<RowResult>> RunAsync(Scenario scenario, int rounds, int events, string? only)
    {
        var rows = scenario.Rows.Where(row => only is null || row.Name == only).ToList();
        var samples = rows.ToDictionary(row => row.Name, _ => new List<Sample>());
        for (var round = 0; round <= rounds; round++)
            foreach (var row in rows)
            {
                var sample = await TurnAsync(row, events > 0 ? events : row.Events);
                if (round > 0) samples[row.Name].Add(sample);
            }
        return [.. rows.Select(row => new RowResult(row.Name, samples[row.Name]))];
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>A fresh peer, a tenth of the events to get going, a collection, then what counts.</summary>
    private static async Task<Sample> TurnAsync(Row row, int events)
    {
        await using var peer = await row.Open();
        var leadIn = Math.Max(1, events / 10);
        await peer.RunAsync(leadIn);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var (bytes, cpu, started) = (GC.GetTotalAllocatedBytes(precise: true), Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        await peer.RunAsync(events);
        var sample = new Sample(events, Stopwatch.GetElapsedTime(started), Environment.CpuUsage.TotalTime - cpu, GC.GetTotalAllocatedBytes(precise: true) - bytes);
        var applied = await peer.AppliedAsync();
        if (applied != leadIn + events) throw new InvalidOperationException($"'{row.Name}' was sent {leadIn + events} events and has {applied}: no result.");
        return sample;
    }
}
