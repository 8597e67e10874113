using Brook.Sqlite;
using Brook.Storage;

namespace Brook.Faults;

/// <summary>A file that all workers share.</summary>
internal sealed class Sqlite : Store
{
    public override string Name => "sqlite";

    public override string? WhyNot => null;

    public override Task<StoreHost> StartAsync(Needs needs, CancellationToken cancellationToken) => SqliteHost.StartAsync(needs.SmallDisk);

    /// <summary>Fast: workers are killed, the machine is not, and a trial is to be short.</summary>
    public override IViewStore Open(string place, int timeout = 500)
        => new SqliteViewStore(place, new SqliteStoreOptions { Durability = SqliteDurability.Fast, BusyTimeout = TimeSpan.FromMilliseconds(timeout) });
}

internal sealed class SqliteHost : StoreHost
{
    private readonly string _folder;
    private readonly bool _mounted;

    private SqliteHost(string folder, bool mounted) => (_folder, _mounted) = (folder, mounted);

    /// <summary>Why there can be no small disk on this machine; null: there can.</summary>
    public static string? WhyNoDisk => OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? null : "a disk in memory takes Linux and root";

    public override string Place => Path.Combine(_folder, "view.db");

    public override string Direct => Place;

    public static async Task<StoreHost> StartAsync(bool smallDisk)
    {
        var folder = Directory.CreateTempSubdirectory("brook-faults-").FullName;
        if (smallDisk) await RunAsync("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder);
        return new SqliteHost(folder, smallDisk);
    }

    /// <summary>Takes all room of the small disk, but for some bytes.</summary>
    public async Task FillAsync(int left)
    {
        await using var ballast = new FileStream(Path.Combine(_folder, "ballast"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            for (var block = new byte[65_536]; ;) await ballast.WriteAsync(block);
        }
        catch (IOException) { ballast.SetLength(Math.Max(0, ballast.Position - left)); }
    }

    public void MakeRoom() => File.Delete(Path.Combine(_folder, "ballast"));

    public override async ValueTask DisposeAsync()
    {
        if (_mounted) await RunAsync("umount", "-l", _folder);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with code {process.ExitCode}.");
    }
}
