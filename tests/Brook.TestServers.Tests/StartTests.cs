using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Brook.TestServers.Tests;

public sealed class StartTests
{
    private const string NoteVariable = "BROOK_TEST_NOTE";
    private static readonly bool s_hasSetPriv = OperatingSystem.IsLinux() && Servers.Find("setpriv") is not null;

    [Fact]
    public async Task A_server_that_dies_at_its_start_says_why()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Redis.StartAsync(new() { MaxMemoryPolicy = "keep-all" }));

        Assert.StartsWith("redis-server ended with code 1 instead of being answering. The end of its log:", error.Message, StringComparison.Ordinal);
        Assert.Contains("maxmemory-policy keep-all", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_is_missing_is_named()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Redis.StartAsync(new() { Executable = "/nowhere/redis-server" }));

        Assert.Contains("ended with code 127", error.Message, StringComparison.Ordinal);
        Assert.Contains("/nowhere/redis-server", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_port_is_taken_when_somebody_was_faster()
    {
        Assert.SkipWhen(Servers.SkipReason(RedisServer.WhyNot) is { }, RedisServer.WhyNot ?? "");
        using var faster = new TcpListener(IPAddress.Loopback, FreePort.Next());
        faster.Start();
        var taken = ((IPEndPoint)faster.LocalEndpoint).Port;
        var ports = new Queue<int>([taken, taken, FreePort.Next()]);

        await using var redis = await RedisServer.StartAsync(new(), ports.Dequeue, TestContext.Current.CancellationToken);

        Assert.Empty(ports);
        Assert.Equal("PONG", await redis.CommandAsync("PING"));
    }

    [Fact]
    public async Task It_is_given_up_when_no_port_is_free()
    {
        Assert.SkipWhen(Servers.SkipReason(RedisServer.WhyNot) is { }, RedisServer.WhyNot ?? "");
        await using var other = await Redis.StartAsync();

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RedisServer.StartAsync(new(), () => other.Port, TestContext.Current.CancellationToken));

        Assert.Contains("Address already in use", error.Message, StringComparison.Ordinal);
        Assert.Equal("PONG", await other.CommandAsync("PING"));
    }

    [Fact]
    public async Task A_disposed_server_leaves_nothing()
    {
        var redis = await Redis.StartAsync(new() { AppendOnly = AppendOnly.Always });
        var (process, directory) = (redis.ProcessId, redis.Directory);

        await redis.DisposeAsync();

        Assert.False(Directory.Exists(directory));
        Assert.False(IsAlive(process));
    }

    // The death signal is sent when a thread ends: were servers started by the one that asks for them, this one would be killed.
    [Fact]
    public async Task A_server_outlives_the_thread_that_asked_for_it()
    {
        var directory = Directory.CreateTempSubdirectory("brook-test-").FullName;
        await using (var server = new ServerProcess(directory))
        {
            Task? start = null;
            var thread = new Thread(() =>
            {
                start = server.StartAsync(new("/bin/sh", "-c", "echo is up; exec sleep 60"));
                SpinWait.SpinUntil(() => server.LogTail() == "is up", TimeSpan.FromSeconds(20));
            });
            thread.Start();
            thread.Join();
            await start!;

            await using (var later = new ServerProcess(Directory.CreateDirectory(Path.Combine(directory, "later")).FullName))
            {
                await later.StartAsync(new("/bin/sh", "-c", "exit 0"));
                await Until.TrueAsync(() => !later.IsRunning, "the other program ends");
            }
            Assert.True(server.IsRunning);
        }
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("redis")]
    [InlineData("rabbitmq")]
    public async Task A_server_ends_with_the_process_that_started_it(string server)
    {
        var whyNot = server == "redis" ? RedisServer.WhyNot : RabbitMqServer.WhyNot;
        Assert.SkipWhen(Servers.SkipReason(whyNot) is { }, whyNot ?? "");
        Assert.SkipUnless(s_hasSetPriv, "setpriv of util-linux is needed");
        var note = Path.GetTempFileName();
        var method = server == "redis" ? nameof(Starts_a_server_and_waits_to_be_killed) : nameof(Starts_a_broker_and_waits_to_be_killed);
        var info = new ProcessStartInfo(Path.ChangeExtension(typeof(StartTests).Assembly.Location, null), ["-explicit", "only", "-method", $"*.{method}"]) { RedirectStandardOutput = true };
        info.Environment[NoteVariable] = note;
        using var parent = Process.Start(info)!;
        await Until.TrueAsync(() => File.ReadAllText(note).EndsWith('\n'), "the other process starts a server");
        var (directory, processes) = File.ReadAllText(note).TrimEnd().Split(' ') is [var path, .. var ids] ? (path, ids.Select(id => int.Parse(id, null)).ToArray()) : throw new InvalidOperationException("That is no note.");
        Assert.All(processes, process => Assert.True(IsAlive(process)));

        parent.Kill();

        await Until.TrueAsync(() => !processes.Any(IsAlive), "the server ends");
        Directory.Delete(directory, recursive: true);
        File.Delete(note);
    }

    [Fact(Explicit = true)]
    public async Task Starts_a_server_and_waits_to_be_killed()
    {
        var redis = await RedisServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await NoteAndWaitAsync(redis.Directory, redis.ProcessId);
    }

    [Fact(Explicit = true)]
    public async Task Starts_a_broker_and_waits_to_be_killed()
    {
        var rabbit = await RabbitMqServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await NoteAndWaitAsync(rabbit.Directory, [rabbit.EpmdProcessId, .. RabbitMqServerTests.Tree(rabbit.ProcessId)]);
    }

    private static async Task NoteAndWaitAsync(string directory, params int[] processes)
    {
        await File.WriteAllTextAsync(Environment.GetEnvironmentVariable(NoteVariable)!, $"{directory} {string.Join(' ', processes)}\n", TestContext.Current.CancellationToken);
        await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_program_can_run_as_another_user_with_variables_of_its_own()
    {
        Assert.SkipUnless(Environment.UserName == "root" && s_hasSetPriv, "only root can run a program as another user, with setpriv of util-linux");
        var directory = Directory.CreateTempSubdirectory("brook-test-").FullName;
        await using (var process = new ServerProcess(directory))
        {
            await process.StartAsync(new("/bin/sh", "-c", "echo $(id -un) $COLOUR; exit 3") { User = "nobody", Environment = new Dictionary<string, string> { ["COLOUR"] = "red" } });
            await Until.TrueAsync(() => !process.IsRunning, "the program ends");
            Assert.Equal(("nobody red", 3), (process.LogTail(), process.ExitCode));
        }
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(null, "1", null)]
    [InlineData("is missing", null, "is missing")]
    [InlineData("is missing", "0", "is missing")]
    public void A_test_is_skipped_when_its_server_is_missing(string? whyNot, string? required, string? reason)
        => Assert.Equal(reason, Servers.SkipReason(whyNot, required));

    [Fact]
    public void A_test_fails_when_its_server_is_missing_and_required()
        => Assert.Equal("redis-server is missing. BROOK_REQUIRE_SERVERS=1 makes this a failure: install it, or unset the variable to skip.",
            Assert.Throws<InvalidOperationException>(() => Servers.SkipReason("redis-server is missing", "1")).Message);

    internal static bool IsAlive(int process) => Directory.Exists($"/proc/{process}") && !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
}
