using System.Diagnostics;

namespace Examples.Tests.Support;

/// <summary>Runs an example as its user does, but for the build: a process, its output in pipes.</summary>
public sealed record Example(int ExitCode, string Output, string Error)
{
    private static string Dotnet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../../dotnet");

    public string LastLine => Output.TrimEnd().Split('\n')[^1].TrimEnd();

    public static Task<Example> GitHistoryAsync(string directory, params (string Name, string? Value)[] environment) => RunAsync("GitHistory.dll", [directory], null, environment);

    /// <summary>A process that goes on: the caller kills it.</summary>
    public static Process Start(string program, params string[] arguments)
        => Process.Start(new ProcessStartInfo(Dotnet, ["exec", Path.Combine(AppContext.BaseDirectory, program), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    public static async Task<Example> RunAsync(string program, string[] arguments, string? workingDirectory = null, params (string Name, string? Value)[] environment)
    {
        var start = new ProcessStartInfo(Dotnet, ["exec", Path.Combine(AppContext.BaseDirectory, program), .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = workingDirectory ?? "",
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new(process.ExitCode, await output, await error);
    }
}
