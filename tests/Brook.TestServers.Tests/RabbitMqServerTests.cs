namespace Brook.TestServers.Tests;

public sealed class RabbitMqServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_node_starts_again_with_its_durable_queues_and_two_nodes_never_meet()
    {
        var started = await Task.WhenAll(StartAsync(), StartAsync());
        await using var one = started[0];
        await using var two = started[1];
        await DeclareAsync(one, "kept");
        await DeclareAsync(two, "other");
        var process = one.ProcessId;

        await one.KillAsync();
        Assert.False(one.IsRunning);
        await one.RestartAsync(Token);

        Assert.NotEqual(process, one.ProcessId);
        Assert.Equal("kept", (await one.ControlAsync(["list_queues", "name", "--no-table-headers"], Token)).Trim());
        Assert.Equal("other", (await two.ControlAsync(["list_queues", "name", "--no-table-headers"], Token)).Trim());
    }

    [Fact]
    public async Task A_disposed_node_leaves_nothing_behind()
    {
        var rabbit = await StartAsync();
        var (directory, name) = (rabbit.Directory, rabbit.NodeName);
        Assert.True(Directory.Exists(directory));

        await rabbit.DisposeAsync();

        Assert.False(Directory.Exists(directory));
        if (OperatingSystem.IsLinux()) await Until.TrueAsync(() => !CommandLines().Any(line => line.Contains(name, StringComparison.Ordinal) || line.Contains(directory, StringComparison.Ordinal)), "its processes end");
    }

    [Fact]
    public async Task A_failed_command_says_what_it_wrote()
    {
        await using var rabbit = await StartAsync();

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => rabbit.ControlAsync(["delete_queue", "nothing"], Token));

        Assert.Contains("nothing", error.Message, StringComparison.Ordinal);
    }

    private static Task<RabbitMqServer> StartAsync()
    {
        Assert.SkipWhen(Servers.SkipReason(RabbitMqServer.WhyNot) is { }, RabbitMqServer.WhyNot ?? "");
        return RabbitMqServer.StartAsync(cancellationToken: Token);
    }

    private static Task<string> DeclareAsync(RabbitMqServer rabbit, string queue) => rabbit.ControlAsync(["eval",
        $"rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>), true, false, [], none, <<\"test\">>), mnesia:sync_log()."], Token);

    private static IEnumerable<string> CommandLines()
    {
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
        {
            string line;
            try { line = File.ReadAllText(Path.Combine(process, "cmdline")); }
            catch (IOException) { continue; }
            yield return line;
        }
    }
}
