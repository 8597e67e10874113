using System.Diagnostics;
using System.Globalization;
using Brook.TestServers;
using Examples.Tests.Support;
using static Examples.Tests.Support.SharedRuns;
using static Examples.Tests.Support.TestRepository;

namespace Examples.Tests;

public sealed class GitHistoryOnRabbitMqTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_proof_holds_and_the_next_run_follows_what_is_new()
    {
        await using var servers = await BothAsync();
        using var repository = new TestRepository().Commit(File("a") + File("b")).Commit(File("a", "y")).Import();

        var first = await Example.RunAsync("GitHistory.dll", servers.Arguments(repository));
        repository.Commit("from refs/heads/main^0\n" + File("c") + "D b\n").Import();
        var second = await Example.RunAsync("GitHistory.dll", servers.Arguments(repository));

        Assert.Equal((0, "view equals git ls-tree: 2 files"), (first.ExitCode, first.LastLine));
        Assert.Contains(", 2 commits; 1 are new", second.Output, StringComparison.Ordinal);
        Assert.Contains("authors and days add up to what was sent: 5 file changes, 3 commits", second.Output, StringComparison.Ordinal);
        Assert.Equal((0, "view equals git ls-tree: 2 files"), (second.ExitCode, second.LastLine));
    }

    [Fact]
    public async Task Two_processes_share_the_work_and_one_that_is_killed_leaves_it_to_the_other()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "sends a signal");
        await using var servers = await BothAsync();
        using var repository = Large();

        using var killed = await WorkerAsync(servers, repository);
        using var worker = await WorkerAsync(servers, repository);
        using var run = Example.Start("GitHistory.dll", servers.Arguments(repository));
        var (output, error) = (run.StandardOutput.ReadToEndAsync(Token), run.StandardError.ReadToEndAsync(Token));
        await UntilFilesAsync(servers.Redis, run, 1000);
        killed.Kill();
        await EndAsync(run);
        var helped = await StopAsync(worker);

        Assert.Equal((0, "view equals git ls-tree: 20000 files"), (run.ExitCode, (await output).TrimEnd().Split('\n')[^1]));
        Assert.Contains("authors and days add up to what was sent: 20,000 file changes, 400 commits", await output, StringComparison.Ordinal);
        Assert.Equal(0, worker.ExitCode);
        Assert.InRange(Handled(await output) + Handled(helped), 1, 20_500);       // the rest was the killed one's
    }

    [Fact]
    public async Task A_broker_that_is_not_there_is_named()
    {
        using var repository = new TestRepository().Commit(File("a")).Import();
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        var run = await Example.RunAsync("GitHistory.dll", ["--transport", "rabbitmq", "--rabbitmq", $"amqp://guest:guest@127.0.0.1:{port}", "--store", "redis", repository.Directory]);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"RabbitMQ at 127.0.0.1:{port} cannot be used: ", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("There is no transport 'rabbit'. Take one of: memory, rabbitmq, kafka.", "--transport", "rabbit")]
    [InlineData("--transport rabbitmq needs a view that processes share, which --store memory is not. Add --store redis or postgres.", "--transport", "rabbitmq")]
    [InlineData("--worker belongs to --transport rabbitmq or kafka.", "--worker")]
    [InlineData("--rabbitmq belongs to --transport rabbitmq.", "--rabbitmq", "amqp://localhost")]
    [InlineData("--rabbitmq 'localhost' is no address like amqp://user:password@host:5672/.", "--transport", "rabbitmq", "--store", "redis", "--rabbitmq", "localhost")]
    public async Task Arguments_that_make_no_sense_are_named(string message, params string[] arguments)
    {
        var run = await Example.RunAsync("GitHistory.dll", arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"{message}\n\nusage: ", run.Error, StringComparison.Ordinal);
    }

    private sealed record Both(RabbitMqServer RabbitMq, RedisServer Redis) : IAsyncDisposable
    {
        public string[] Arguments(TestRepository repository, params string[] more)
            => ["--transport", "rabbitmq", "--rabbitmq", RabbitMq.Uri.ToString(), "--store", "redis", "--redis", Redis.ConnectionString, "--namespace", "shared", .. more, repository.Directory];

        public async ValueTask DisposeAsync()
        {
            await RabbitMq.DisposeAsync();
            await Redis.DisposeAsync();
        }
    }

    private static async Task<Both> BothAsync()
    {
        Assert.SkipUnless(RabbitMqServer.IsInstalled, Servers.SkipReason(RabbitMqServer.WhyNot) ?? "");
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        return new(await RabbitMqServer.StartAsync(cancellationToken: Token), await RedisServer.StartAsync(cancellationToken: Token));
    }

    private static async Task<Process> WorkerAsync(Both servers, TestRepository repository)
    {
        var worker = Example.Start("GitHistory.dll", servers.Arguments(repository, "--worker"));
        while (await worker.StandardOutput.ReadLineAsync(Token).AsTask().WaitAsync(Deadline, Token) is { } line)
            if (line.StartsWith("helps ", StringComparison.Ordinal)) return worker;
        Assert.Fail($"It ended: {await worker.StandardError.ReadToEndAsync(Token)}");
        return worker;
    }
}
