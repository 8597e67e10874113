using System.Diagnostics;
using System.Reflection;

namespace Brook.AotTests;

/// <summary>A program with native AOT is published and run for real. Trim and AOT warnings are errors there as everywhere.</summary>
public sealed class NativeAotTests
{
    [Fact]
    public async Task A_program_published_with_native_AOT_runs_the_whole_path()
    {
        Assert.SkipWhen(await RunAsync("clang", "--version") is null && await RunAsync("gcc", "--version") is null, "Native AOT needs a linker (clang or gcc), and there is none on this machine.");
        var output = Directory.CreateTempSubdirectory("brook-aot");
        try
        {
            var project = typeof(NativeAotTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "AotProgram").Value!;
            var linker = await RunAsync("clang", "--version") is null ? "-p:CppCompilerAndLinker=gcc" : "-p:CppCompilerAndLinker=clang";

            var published = await RunAsync("dotnet", "publish", project, "-c", "Release", "-nologo", "-o", output.FullName, "--artifacts-path", Path.Combine(output.FullName, "artifacts"), linker);
            Assert.True(published is (0, _), published?.Output);
            Assert.DoesNotContain("warning", published!.Value.Output, StringComparison.Ordinal);

            var ran = await RunAsync(Path.Combine(output.FullName, "AotProgram"));
            Assert.Equal((0, "Applied Order { Id = 1, Total = 2.5 } 5 dynamic code: False\n"), ran);
        }
        finally
        {
            output.Delete(recursive: true);
        }
    }

    /// <summary>Null: there is no such program.</summary>
    private static async Task<(int Code, string Output)?> RunAsync(string program, params string[] arguments)
    {
        using var process = new Process { StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true } };
        try { process.Start(); }
        catch (System.ComponentModel.Win32Exception) { return null; }
        var (output, error) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }
}
