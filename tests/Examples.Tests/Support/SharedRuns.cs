using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Brook.TestServers;

namespace Examples.Tests.Support;

/// <summary>Several processes of the git history at work on one view, whose namespace is "shared".</summary>
internal static partial class SharedRuns
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Ends with the process, which is killed when it takes too long.</summary>
    public static async Task EndAsync(Process process)
    {
        try { await process.WaitForExitAsync(Token).WaitAsync(Deadline, Token); }
        finally { process.Kill(entireProcessTree: true); }      // nothing happens to one that has ended
    }

    /// <summary>Ctrl+C for a worker: what it wrote.</summary>
    public static async Task<string> StopAsync(Process worker)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {worker.Id.ToString(CultureInfo.InvariantCulture)}"]);
        var output = await worker.StandardOutput.ReadToEndAsync(Token);
        await EndAsync(worker);
        return output;
    }

    /// <summary>Ends when the view has so many files, or the run has ended.</summary>
    public static async Task UntilFilesAsync(RedisServer redis, Process run, long files)
    {
        for (var waited = Stopwatch.StartNew(); !run.HasExited && (long)(await redis.CommandAsync("HLEN", "{shared}:s:files"))! < files && waited.Elapsed < Deadline;) await Task.Delay(5, Token);
    }

    /// <summary>How many events a process says it handled.</summary>
    public static long Handled(string output) => long.Parse(HandledLine().Match(output).Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    [GeneratedRegex("^([0-9,]+) events were handled by this process", RegexOptions.Multiline)]
    private static partial Regex HandledLine();
}
