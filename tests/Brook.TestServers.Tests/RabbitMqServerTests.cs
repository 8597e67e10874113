using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Brook.TestServers.Tests;

public sealed class RabbitMqServerTests
{
    [Fact]
    public async Task A_broker_that_was_killed_has_its_durable_queues_again_and_leaves_nothing_when_disposed()
    {
        var rabbit = await RabbitMq.StartAsync(new() { Configuration = ["channel_max = 77"] });
        int[] processes;
        await using (rabbit)
        {
            Assert.Equal(new Uri($"amqp://guest:guest@127.0.0.1:{rabbit.Port}/"), rabbit.Uri);
            Assert.Equal("{ok,77}", await rabbit.EvalAsync("application:get_env(rabbit, channel_max)"));
            Assert.Equal($"\"{rabbit.ProcessId}\"", await rabbit.EvalAsync("os:getpid()"));
            Assert.Equal("'ä€'", await rabbit.EvalAsync("list_to_atom([228, 8364])"));
            await DeclareAsync(rabbit, "kept", durable: true);
            await DeclareAsync(rabbit, "lost", durable: false);
            var (first, port) = (rabbit.ProcessId, rabbit.Port);

            await rabbit.KillAsync();
            Assert.False(rabbit.IsRunning);
            await rabbit.RestartAsync(TestContext.Current.CancellationToken);

            Assert.NotEqual(first, rabbit.ProcessId);
            Assert.Equal(port, rabbit.Port);
            Assert.Equal("kept\t0", (await rabbit.RunCtlAsync("list_queues", "--no-table-headers", "name", "messages")).Trim());
            processes = [first, rabbit.EpmdProcessId, .. Tree(rabbit.ProcessId)];
            Assert.True(processes.Length > 3, "the broker has helpers");
        }
        Assert.False(Directory.Exists(rabbit.Directory));
        await Until.TrueAsync(() => !processes.Any(StartTests.IsAlive), "all processes end");
    }

    [Fact]
    public async Task Two_brokers_do_not_meet_and_one_that_is_stopped_or_paused_comes_back()
    {
        var both = await Task.WhenAll(RabbitMq.StartAsync(), RabbitMq.StartAsync());
        await using var first = both[0];
        await using var second = both[1];
        Task<string> Greet(RabbitMqServer rabbit) => AmqpGreeting.AskAsync(rabbit.Host, rabbit.Port, TestContext.Current.CancellationToken);
        await DeclareAsync(first, "of-the-first", durable: true);

        Assert.Equal("[]", await QueuesAsync(second));
        Assert.Equal("[]", await second.EvalAsync("nodes()"));
        Assert.Contains("no_such_function", (await Assert.ThrowsAsync<InvalidOperationException>(() => second.EvalAsync("lists:no_such_function()"))).Message, StringComparison.Ordinal);

        await first.PauseAsync();
        var answer = Greet(first);
        Assert.Contains(second.NodeName.Split('@')[0], await Greet(second), StringComparison.Ordinal);
        Assert.False(answer.IsCompleted);
        await first.ResumeAsync();
        Assert.Contains(first.NodeName.Split('@')[0], await answer.Done(), StringComparison.Ordinal);

        await first.RestartAsync(TestContext.Current.CancellationToken);
        Assert.Contains("of-the-first", await QueuesAsync(first), StringComparison.Ordinal);
        Assert.Contains("no_such_command", (await Assert.ThrowsAsync<InvalidOperationException>(() => first.RunCtlAsync("no_such_command"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connections_are_closed_and_other_ports_are_taken_when_somebody_was_faster()
    {
        Assert.SkipWhen(Servers.SkipReason(RabbitMqServer.WhyNot) is { }, RabbitMqServer.WhyNot ?? "");
        using var faster = new TcpListener(IPAddress.Loopback, FreePort.Next());
        faster.Start();
        var taken = ((IPEndPoint)faster.LocalEndpoint).Port;
        var ports = new Queue<int>([FreePort.Next(), taken, FreePort.Next(), taken, FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next()]);

        await using var rabbit = await RabbitMqServer.StartAsync(new(), ports.Dequeue, TestContext.Current.CancellationToken);
        Assert.Empty(ports);

        using var client = new TcpClient();
        await client.ConnectAsync(rabbit.Host, rabbit.Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(AmqpGreeting.Protocol, TestContext.Current.CancellationToken);
        await Until.TrueAsync(() => client.Available > 0, "the broker answers");
        await rabbit.CloseConnectionsAsync();
        await Until.TrueAsync(() => !IsOpen(client.Client), "the connection is closed");
    }

    [Fact]
    public async Task A_broker_that_dies_at_its_start_says_why()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RabbitMq.StartAsync(new() { Configuration = ["channel_max = many"] }));

        Assert.StartsWith("rabbitmq-server ended with code 1 instead of being ready. The end of its log:", error.Message, StringComparison.Ordinal);
        Assert.Contains("channel_max", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_is_missing_is_named()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RabbitMq.StartAsync(new() { Executable = "/nowhere/rabbitmq-server" }));

        Assert.Contains("ended with code 127", error.Message, StringComparison.Ordinal);
        Assert.Contains("/nowhere/rabbitmq-server", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/bin/rabbitmq-server", "/bin/epmd", null)]
    [InlineData(null, "/bin/epmd", "rabbitmq-server is not installed: apt-get install rabbitmq-server")]
    [InlineData("/bin/rabbitmq-server", null, "epmd, which rabbitmq-server needs, was not found: apt-get install erlang-base")]
    public void What_is_missing_is_the_reason_to_skip(string? executable, string? epmd, string? reason) => Assert.Equal(reason, RabbitMqServer.Missing(executable, epmd));

    // sync_log: Mnesia writes a little later what it has done, and kill -9 comes at once.
    private static Task<string> DeclareAsync(RabbitMqServer rabbit, string queue, bool durable) => rabbit.EvalAsync(
        $"rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>), {(durable ? "true" : "false")}, false, [], none, <<\"guest\">>), mnesia:sync_log()");

    private static Task<string> QueuesAsync(RabbitMqServer rabbit) => rabbit.EvalAsync("[amqqueue:get_name(Queue) || Queue <- rabbit_amqqueue:list()]");

    // Reads what has come; there is nothing more, or an error, when the other end has closed it.
    private static bool IsOpen(Socket socket)
    {
        try { return !socket.Poll(0, SelectMode.SelectRead) || socket.Receive(new byte[1024]) > 0; }
        catch (SocketException) { return false; }
    }

    // A process and all that come of it.
    internal static IEnumerable<int> Tree(int process)
    {
        var children = File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture));
        return [process, .. children.SelectMany(Tree)];
    }

}
