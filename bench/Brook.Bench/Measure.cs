using System.Diagnostics;

namespace Brook.Bench;

/// <summary>One turn of one row.</summary>
internal readonly record struct Sample(int Events, TimeSpan Elapsed, TimeSpan Cpu, long Bytes, TimeSpan Paused, TimeSpan? ServerCpu)
{
    public double PerSecond => Events / Elapsed.TotalSeconds;
    public double CpuMicroseconds => Cpu.TotalMicroseconds / Events;
    public double ServerCpuMicroseconds => ServerCpu.GetValueOrDefault().TotalMicroseconds / Events;
    public double BytesPerEvent => (double)Bytes / Events;

    /// <summary>How much of the time all threads stood still for the garbage collection.</summary>
    public double PausedPercent => 100 * Paused / Elapsed;
}

/// <summary>The measured turns of one row, one a round.</summary>
internal sealed record RowResult(string Name, IReadOnlyList<Sample> Samples)
{
    public double Median(Func<Sample, double> of) => Measure.Median(Samples.Select(of));
}

/// <summary>All rows take turns: rounds that are not counted (compiled code gets faster in both), then those that are. So whatever the machine does meanwhile, it does to all of them.</summary>
internal static class Measure
{
    public const int WarmUps = 2;

    public static async Task<IReadOnlyList<RowResult>> RunAsync(Scenario scenario, int rounds, int events, string? only)
    {
        var rows = scenario.Rows.Where(row => only is null || row.Name == only).ToList();
        var samples = rows.ToDictionary(row => row.Name, _ => new List<Sample>());
        for (var round = 0; round < WarmUps + rounds; round++)
            foreach (var row in rows)
            {
                var sample = events > 0 ? await TurnAsync(scenario, row, events, Math.Max(1, events / 10)) : await TurnAsync(scenario, row, row.Events, row.LeadIn);
                if (round >= WarmUps) samples[row.Name].Add(sample);
            }
        return [.. rows.Select(row => new RowResult(row.Name, samples[row.Name]))];
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>A fresh peer, events to get going (a tenth, if the row says nothing else), a collection, then what counts.</summary>
    private static async Task<Sample> TurnAsync(Scenario scenario, Row row, int events, int leadIn)
    {
        await using var peer = await row.Open();
        await peer.PrepareAsync(leadIn);
        await peer.RunAsync(leadIn);
        await peer.PrepareAsync(events);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var (serverCpu, bytes, paused, cpu, started) = (scenario.ServerCpu, GC.GetTotalAllocatedBytes(precise: true), GC.GetTotalPauseDuration(), Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        await peer.RunAsync(events);
        var elapsed = Stopwatch.GetElapsedTime(started);
        var sample = new Sample(events, peer.Took ?? elapsed, Environment.CpuUsage.TotalTime - cpu, GC.GetTotalAllocatedBytes(precise: true) - bytes, GC.GetTotalPauseDuration() - paused, scenario.ServerCpu - serverCpu);
        var applied = await peer.AppliedAsync();
        if (applied != leadIn + events) throw new InvalidOperationException($"'{row.Name}' was sent {leadIn + events} events and has {applied}: no result.");
        return sample;
    }
}
