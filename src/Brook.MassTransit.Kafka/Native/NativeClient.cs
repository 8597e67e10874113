using System.Reflection;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// The native client that came with the package, by its path: by its name alone the system's own librdkafka may be found first, which can be years older and is
/// taken without a word.
/// </summary>
internal static class NativeClient
{
    private static readonly Lock s_lock = new();
    private static bool s_resolved;
    private static nint s_found;            // what Confluent.Kafka was given
    private static bool s_othersChoice;     // what it has is not known here

    /// <summary>Call it before anything of Confluent.Kafka is used; cheap from the second time on.</summary>
    public static void Resolve()
    {
        lock (s_lock)
        {
            if (s_resolved) return;
            s_resolved = true;
            NativeLibrary.SetDllImportResolver(typeof(NativeClient).Assembly, static (_, _, path) => s_found != 0 ? s_found : NativeLibrary.Load("librdkafka", typeof(Library).Assembly, path));
            if (!OperatingSystem.IsLinux()) return;                 // elsewhere the package's own library is what its name finds
            try { NativeLibrary.SetDllImportResolver(typeof(Library).Assembly, Resolve); }
            catch (InvalidOperationException) { s_othersChoice = true; }    // the application has a resolver of its own
        }
    }

    /// <summary>Whether functions that are looked up here are those of the library that Confluent.Kafka uses.</summary>
    public static bool IsKnown => !s_othersChoice && (s_found != 0 || !OperatingSystem.IsLinux());

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (!name.Contains("librdkafka", StringComparison.Ordinal)) return 0;
        foreach (var folder in Folders())
            foreach (var file in new[] { $"{name}.so", "librdkafka.so", "centos8-librdkafka.so", "alpine-librdkafka.so" })
                if (Path.Combine(folder, file) is var full && File.Exists(full) && NativeLibrary.TryLoad(full, out var handle)) return s_found = handle;
        return 0;                                                   // as if this were not here
    }

    private static IEnumerable<string> Folders()
    {
        var architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", $"linux-{architecture}", "native");
        yield return AppContext.BaseDirectory;
        if (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") is string folders)
            foreach (var folder in folders.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)) yield return folder;
    }
}
