using System.Diagnostics;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using Brook.TestServers;
using static Brook.Tests.Shared.Entries;

namespace Brook.Postgres.Tests.Failures;

/// <summary>The disk with the database is full, for real: a small one in memory, which only root can have.</summary>
public sealed class FullDiskTests
{
    private static readonly ViewCollection<string> s_things = "things";

    [Fact]
    public async Task A_full_disk_refuses_a_commit_whole_and_the_lane_waits_and_goes_on_when_there_is_room()
    {
        Assert.SkipUnless(PostgresServer.IsInstalled, Servers.SkipReason(PostgresServer.WhyNot) ?? "");
        await using var server = await PostgresServer.StartAsync(cancellationToken: Token);
        await using var disk = await SmallDisk.OpenAsync(server, megabytes: 24);
        await server.QueryAsync($"CREATE TABLESPACE small LOCATION '{disk.Path}'");
        await server.QueryAsync("CREATE DATABASE small TABLESPACE small");
        await using var store = await new PostgresViewStore(server.ConnectionStringFor("postgres", "small")).StartedAsync();
        var watched = new Watched(store);
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.Options.BatchBytes = 4 << 20;                 // all in one commit
            brook.UseStore(_ => watched).On<string>("put", e => Change.Create(s_things, e.Key!, e.Data));
        });
        await lane.ProcessAsync(TestLane.Event("put", "1", "a"), TestLane.Event("put", "1", "b"));
        await disk.FillAsync();

        var large = Incompressible(400_000);
        var waiting = lane.ProcessAsync(TestLane.Event("put", "2", "a"), TestLane.Event("put", large, "large"), TestLane.Event("put", "2", "b")).AsTask();
        var error = await watched.Refused.Task.WaitAsync(Token);

        Assert.StartsWith($"PostgreSQL at 127.0.0.1:{server.Port} has no disk space left and refused the call (53100: could not extend file ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Nothing was written. Make room; Brook goes on by itself.", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsTransient);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(("\"1\"", "\"1\"", null), (await store.ReadAsync("a"), await store.ReadAsync("b"), await store.ReadAsync("large")));
        Assert.Equal((1, 1, 0), ((await store.LogAsync("a")).Length, (await store.LogAsync("b")).Length, (await store.LogAsync("large")).Length));
        Assert.Equal(2, await store.CountAsync("things", Token));

        disk.MakeRoom();
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 3, 0, 0, 0), await waiting.Done());
        Assert.Equal(("\"2\"", "\"2\"", $"\"{large}\""), (await store.ReadAsync("a"), await store.ReadAsync("b"), await store.ReadAsync("large")));
        Assert.Equal((2, 2, 1), ((await store.LogAsync("a")).Length, (await store.LogAsync("b")).Length, (await store.LogAsync("large")).Length));
        Assert.Equal(5, lane.Lane.NextOffset);
    }

    /// <summary>PostgreSQL would make a repetition small.</summary>
    private static string Incompressible(int length)
    {
        var bytes = new byte[length / 2];
        new Random(1).NextBytes(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>Tells of the first commit that was refused.</summary>
    private sealed class Watched(IViewStore inner) : StoreDecorator(inner)
    {
        public TaskCompletionSource<BrookException> Refused { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            try { return await Inner.CommitAsync(commit, cancellationToken); }
            catch (BrookException e)
            {
                Refused.TrySetResult(e);
                throw;
            }
        }
    }

    private sealed class SmallDisk(string path) : IAsyncDisposable
    {
        private string Ballast => System.IO.Path.Combine(path, "ballast");

        /// <summary>A folder for a tablespace.</summary>
        public string Path => System.IO.Path.Combine(path, "tables");

        /// <summary>In the server's own folder, so that it may go there; and as its user's, who owns that folder.</summary>
        public static async Task<SmallDisk> OpenAsync(PostgresServer server, int megabytes)
        {
            var path = Directory.CreateDirectory(System.IO.Path.Combine(server.Directory, "disk")).FullName;
            Assert.SkipUnless(OperatingSystem.IsLinux() && await RunAsync("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", path), "tmpfs cannot be mounted here: that takes root");
            var disk = new SmallDisk(path);
            Directory.CreateDirectory(disk.Path);
            Assert.True(await RunAsync("chown", "-R", $"--reference={server.Directory}", path));
            return disk;
        }

        public async Task FillAsync()
        {
            await using var file = File.Create(Ballast);
            var block = new byte[4096];
            try
            {
                while (true)
                {
                    await file.WriteAsync(block, Token);
                    await file.FlushAsync(Token);
                }
            }
            catch (IOException) { }                             // that was the last of it
        }

        public void MakeRoom() => File.Delete(Ballast);

        /// <summary>The server still has it open.</summary>
        public async ValueTask DisposeAsync() => await RunAsync("umount", "--lazy", path);

        private static async Task<bool> RunAsync(string program, params string[] arguments)
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
