using System.Diagnostics;

namespace Brook.KafkaServers;

internal static class Tool
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);

    /// <summary>What a program writes when it is given this input.</summary>
    /// <exception cref="InvalidOperationException">It ended with another code than 0: with what it wrote.</exception>
    /// <exception cref="TimeoutException">It took over 30 s.</exception>
    public static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, string input, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException) { }     // it has ended already, and says why
        try { await process.WaitForExitAsync(CancellationToken.None).WaitAsync(s_deadline, cancellationToken); }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            process.Kill();
            if (e is OperationCanceledException) throw;
            throw new TimeoutException($"{program} did not end within {s_deadline.TotalSeconds} s. It wrote:\n{await error}{await output}", e);
        }
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"{program} ended with code {process.ExitCode}:\n{await error}{await output}");
    }
}
