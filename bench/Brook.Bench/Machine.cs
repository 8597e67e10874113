using System.Runtime;
using System.Runtime.InteropServices;

namespace Brook.Bench;

/// <summary>Where and under what load figures were made.</summary>
internal sealed record Machine(string Cpu, int Cores, string Runtime, string Os, string Gc, string Load)
{
    public static Machine Now() => new(
        Line("/proc/cpuinfo", "model name")?.Split(':')[^1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString(),
        Environment.ProcessorCount,
        RuntimeInformation.FrameworkDescription,
        RuntimeInformation.OSDescription,
        (GCSettings.IsServerGC ? "server" : "workstation") + (GCSettings.LatencyMode == GCLatencyMode.Batch ? "" : ", concurrent"),
        string.Join(' ', Line("/proc/loadavg", "")?.Split(' ')[..3] ?? ["unknown"]));

    private static string? Line(string file, string start) => File.Exists(file) ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal)) : null;
}
