using System.Diagnostics;
using Brook.Storage;
using Brook.Tests.Shared;

namespace Brook.Sqlite.Tests.Support;

/// <summary>Runs the tests; or, started by one, is another process on the same file.</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) => args switch
    {
        ["write", var path, var key] => WriteAsync(path, key),
        _ when args.Contains("--server") || args.Contains("--internal-msbuild-node") => Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
        _ => Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),         // as xunit's own entry point does
    };

    /// <summary>This program as another process, which writes until it is killed.</summary>
    public static Process StartWriter(string path, string key)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        foreach (var argument in (string[])["write", path, key]) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Counts up in one entry that all writers share and in one of its own, in the same commit, with a log; says each number that is committed.</summary>
    private static async Task<int> WriteAsync(string path, string key)
    {
        await using var store = new SqliteViewStore(path, new SqliteStoreOptions { Durability = SqliteDurability.Fast });
        await store.StartAsync(default);
        while (true)
        {
            var found = await store.ReadAsync(new EntryKey[] { new("things", "all"), new("things", key) }, default);
            var (all, own) = (Number(found[0]) + 1, Number(found[1]) + 1);
            var commit = new Commit(Commit.NewVersion());
            commit.Add(Entries.Put("all", $"{all}", found[0].Version));
            commit.Add(Entries.Put(key, $"{own}", found[1].Version));
            commit.Add(new CommitAppend(1, "t", Entries.Json($"{own}"), BrookOptions.KeepAll));
            for (var i = 0; i < 50; i++) commit.Add(Entries.Put($"{key}.{i}", $"{own}"));
            if ((await store.CommitAsync(commit, default)).IsCommitted) Console.WriteLine(own);
        }
    }

    private static int Number(StoredEntry entry) => entry.IsMissing ? 0 : int.Parse(entry.Value.Span, System.Globalization.CultureInfo.InvariantCulture);
}
