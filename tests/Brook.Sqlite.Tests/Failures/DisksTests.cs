using System.Diagnostics;
using Brook.Sqlite.Tests.Support;
using Brook.Storage;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Failures;

/// <summary>What the disk and the file do: each is said, and nothing is half-written.</summary>
public sealed class DisksTests(Files files)
{
    [Fact]
    public async Task A_full_disk_refuses_a_commit_whole_reads_go_on_and_so_does_all_when_there_is_room()
    {
        await using var disk = await Mount.OpenAsync(files, "size=1m");
        var (path, ballast) = (Path.Combine(disk.Path, "view.db"), Path.Combine(disk.Path, "ballast"));
        await using var store = await files.Open(path: path).StartedAsync();
        var version = await store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "1")).Log(0, "t", "1"));
        await File.WriteAllBytesAsync(ballast, new byte[750_000], Token);

        var large = $"\"{new string('x', 400_000)}\"";
        var error = await FailsAsync<FullException>(() => store.CommitAsync(CommitOf(Put("a", "2"), Put("large", large), Put("b", "2")).Log(0, "t", "2")), transient: true);
        Assert.StartsWith($"There is no room for {path} (", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Nothing was written. Make room on its disk; Brook goes on by itself.", error.Message, StringComparison.Ordinal);
        var found = await store.ReadAsync(new EntryKey[] { new("things", "a"), new("things", "b"), new("things", "large") }, Token);
        Assert.Equal([version, version, 0], found.Select(entry => entry.Version));
        Assert.Equal(["1"], await store.LogAsync("a"));
        Assert.Equal(2, await store.CountAsync("things", Token));

        File.Delete(ballast);
        await store.CommitAsync(CommitOf(Put("a", "2", version), Put("large", large)).Log(0, "t", "2"));
        Assert.Equal(["1", "2"], await store.LogAsync("a"));
        Assert.Equal(large, await store.ReadAsync("large"));
    }

    [Fact]
    public async Task A_disk_that_the_log_has_filled_is_no_end()
    {
        await using var disk = await Mount.OpenAsync(files, "size=1m");
        await using var store = await files.Open(path: Path.Combine(disk.Path, "view.db")).StartedAsync();
        for (var i = 0; i < 100; i++) await EventuallyAsync(() => store.CommitAsync(Put("a", $"\"{new string('x', 50_000)}{i}\"")));
        Assert.EndsWith("x99\"", await store.ReadAsync("a"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_takes_a_part_of_a_small_disk_so_that_the_file_can_grow()
    {
        await using var disk = await Mount.OpenAsync(files, "size=12m");
        var path = Path.Combine(disk.Path, "view.db");
        await using var store = await files.Open(path: path).StartedAsync();
        for (var i = 0; i < 600; i++) await store.CommitAsync(Put($"{i}", $"\"{new string('x', 10_000)}\""));
        Assert.Equal(600, await store.CountAsync("things", Token));
        Assert.InRange(new FileInfo($"{path}-wal").Length, 1, 4 << 20);
    }

    [Fact]
    public async Task One_commit_that_finds_no_room_takes_no_other_with_it()
    {
        await using var disk = await Mount.OpenAsync(files, "size=1m");
        await using var store = await files.Open(path: Path.Combine(disk.Path, "view.db")).StartedAsync();
        await store.CommitAsync(Put("a", "0"));
        var large = $"\"{new string('x', 2_000_000)}\"";
        var calls = Enumerable.Range(0, 8).Select(i => store.CommitAsync(Put(i == 3 ? "large" : $"{i}", i == 3 ? large : "1"))).ToList();
        await Task.WhenAll(calls.Select(call => ((Task)call).ContinueWith(_ => { }, TaskScheduler.Default)));
        Assert.Equal([3], calls.Index().Where(call => call.Item.IsFaulted).Select(call => call.Index));
        Assert.Equal(8, await store.CountAsync("things", Token));
        Assert.Null(await store.ReadAsync("large"));
    }

    [Fact]
    public async Task A_read_only_file_system_is_said_at_start()
    {
        await using var disk = await Mount.OpenAsync(files, "size=1m");
        var path = Path.Combine(disk.Path, "view.db");
        await using (var store = await files.Open(path: path).StartedAsync()) await store.CommitAsync(Put("a", "1"));
        await disk.RemountAsync("ro");
        await using var refused = files.Open(path: path);
        var error = await FailsAsync(async () => await refused.StartAsync(Token), transient: false);
        Assert.True(error.Message.StartsWith($"{path} cannot be written (", StringComparison.Ordinal) || error.Message.StartsWith($"{path} cannot be opened (", StringComparison.Ordinal), error.Message);
        await disk.RemountAsync("rw");
        await refused.StartAsync(Token);
        Assert.Equal("1", await refused.ReadAsync("a"));
    }

    [Fact]
    public async Task A_read_only_file_is_said_at_start()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "chattr");
        var path = files.NewFile();
        await using (var store = await files.Open(path: path).StartedAsync()) await store.CommitAsync(Put("a", "1"));
        Assert.SkipUnless(await Mount.RunAsync("chattr", "+i", path), "chattr +i is not allowed here");     // root may write what nobody may
        try
        {
            await using var refused = files.Open(path: path);
            var error = await FailsAsync(async () => await refused.StartAsync(Token), transient: false);
            Assert.Equal($"{path} cannot be written (it could be opened for reading only). Nothing was written. Let this process write the file and its folder (SQLite keeps -wal and -shm beside it), and the file system not be mounted read-only.", error.Message);
        }
        finally
        {
            await Mount.RunAsync("chattr", "-i", path);
        }
    }

    [Fact]
    public async Task A_missing_folder_and_a_folder_instead_of_a_file_are_said()
    {
        var path = Path.Combine(files.Path, "nowhere", "view.db");
        await using var store = files.Open(path: path);
        Assert.Equal($"The folder of {path} is not there. Make it, or correct the path.", (await FailsAsync(async () => await store.StartAsync(Token), transient: false)).Message);
        await using var folder = files.Open(path: files.Path);
        Assert.Equal($"{files.Path} is a folder. The path must name a file.", (await FailsAsync(async () => await folder.StartAsync(Token), transient: false)).Message);
    }

    [Fact]
    public async Task A_file_that_is_deleted_while_it_is_used_is_said_instead_of_written_into_nowhere()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "an open file cannot be deleted there");
        var path = files.NewFile();
        await using var store = await files.Open(path: path).StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        File.Move(path, $"{path}.away");
        var error = await FailsAsync(() => store.CommitAsync(Put("a", "2")), transient: false);
        Assert.Equal($"{path} is gone: it was deleted or moved while this application used it. Nothing was written. Put it back, with its -wal, and restart the application; or restart it, and it begins with an empty view.", error.Message);
        await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        File.Move($"{path}.away", path);
        await store.CommitAsync(Put("a", "2"));
    }

    [Fact]
    public async Task A_damaged_file_is_said_when_it_is_met()
    {
        var path = files.NewFile();
        await using (var store = await files.Open(path: path).StartedAsync())
            await store.CommitAsync(CommitOf([.. Enumerable.Range(0, 500).Select(i => Put($"{i}", $"\"{new string('x', 500)}\""))]));
        await using (var file = File.OpenWrite(path))
        {
            file.Position = 5 * 4096;
            await file.WriteAsync(Enumerable.Repeat((byte)0xa5, 40 * 4096).ToArray(), Token);
        }
        await using var damaged = await files.Open(path: path).StartedAsync();
        var error = await FailsAsync(async () => await damaged.ReadPageAsync("things", "", null, 1000, Token), transient: false);
        Assert.StartsWith($"{path} is damaged (database disk image is malformed, SQLite code ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Nothing was written. Restore a backup (docs/sqlite.md); or move the file away with its -wal and -shm, and a replay of the events makes a new one.", error.Message, StringComparison.Ordinal);
        error = await FailsAsync(() => damaged.CommitAsync([.. Enumerable.Range(0, 500).Select(i => Put($"{i}", "1"))]), transient: false);
        Assert.StartsWith($"{path} is damaged (", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A small disk in memory. Only root can have one.</summary>
    private sealed class Mount(string path) : IAsyncDisposable
    {
        public string Path => path;

        public static async Task<Mount> OpenAsync(Files files, string options)
        {
            var path = Directory.CreateDirectory(files.NewFile()).FullName;
            Assert.SkipUnless(OperatingSystem.IsLinux() && await RunAsync("mount", "-t", "tmpfs", "-o", options, "tmpfs", path), "tmpfs cannot be mounted here: that takes root");
            return new(path);
        }

        public Task<bool> RemountAsync(string option) => RunAsync("mount", "-o", $"remount,{option}", path);

        public async ValueTask DisposeAsync() => await RunAsync("umount", path);

        public static async Task<bool> RunAsync(string program, params string[] arguments)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
                await process.WaitForExitAsync(CancellationToken.None);
                return process.ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception) { return false; }
        }
    }
}
