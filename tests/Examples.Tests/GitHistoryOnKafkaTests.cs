using System.Diagnostics;
using System.Globalization;
using Brook.KafkaServers;
using Brook.TestServers;
using Examples.Tests.Support;
using static Examples.Tests.Support.SharedRuns;
using static Examples.Tests.Support.TestRepository;

namespace Examples.Tests;

public sealed class GitHistoryOnKafkaTests
{
    private const int RebalanceDelay = 4000;        // below the example's session of 6 s; processes that are started together are in the group then

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
        await servers.Kafka.CreateTopicAsync("shared", 4, Token);
        await servers.Kafka.InitialRebalanceDelayAsync(RebalanceDelay, Token);
        using var repository = Large();

        using var killed = servers.Start(repository, "--worker");
        using var worker = servers.Start(repository, "--worker");
        using var run = servers.Start(repository);
        var (output, error) = (run.StandardOutput.ReadToEndAsync(Token), run.StandardError.ReadToEndAsync(Token));
        await UntilFilesAsync(servers.Redis, run, 1000);
        killed.Kill();
        await EndAsync(run);
        var helped = await StopAsync(worker);

        Assert.Equal((0, "view equals git ls-tree: 20000 files"), (run.ExitCode, (await output).TrimEnd().Split('\n')[^1]));
        Assert.Contains("authors and days add up to what was sent: 20,000 file changes, 400 commits", await output, StringComparison.Ordinal);
        Assert.Equal(0, worker.ExitCode);
        Assert.InRange(Handled(await output), 1, 20_000);
        Assert.InRange(Handled(helped), 1, 20_000);
        Assert.InRange(Handled(await output) + Handled(helped), 1, 20_900);       // the rest was the killed one's
    }

    [Fact]
    public async Task A_broker_that_is_not_there_is_named()
    {
        using var repository = new TestRepository().Commit(File("a")).Import();
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        var run = await Example.RunAsync("GitHistory.dll", ["--transport", "kafka", "--kafka", $"127.0.0.1:{port}", "--store", "redis", repository.Directory]);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"Kafka at 127.0.0.1:{port} cannot be used: ", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_topic_of_another_number_of_partitions_is_named()
    {
        await using var kafka = await MockKafkaProcess.StartAsync(topics: new Dictionary<string, int> { ["mine"] = 2 }, cancellationToken: Token);
        using var repository = new TestRepository().Commit(File("a")).Import();
        var run = await Example.RunAsync("GitHistory.dll", ["--transport", "kafka", "--kafka", kafka.BootstrapServers, "--store", "redis", "--namespace", "mine", repository.Directory]);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"Topic 'mine' at {kafka.BootstrapServers} has 2 partitions instead of 4.", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--transport kafka needs a view that processes share, which --store memory is not. Add --store redis or postgres.", "--transport", "kafka")]
    [InlineData("--kafka belongs to --transport kafka.", "--transport", "rabbitmq", "--store", "redis", "--kafka", "localhost:9092")]
    [InlineData("--rabbitmq belongs to --transport rabbitmq.", "--transport", "kafka", "--store", "redis", "--rabbitmq", "amqp://localhost")]
    public async Task Arguments_that_make_no_sense_are_named(string message, params string[] arguments)
    {
        var run = await Example.RunAsync("GitHistory.dll", arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"{message}\n\nusage: ", run.Error, StringComparison.Ordinal);
    }

    private sealed record Both(MockKafkaProcess Kafka, RedisServer Redis) : IAsyncDisposable
    {
        public string[] Arguments(TestRepository repository, params string[] more)
            => ["--transport", "kafka", "--kafka", Kafka.BootstrapServers, "--store", "redis", "--redis", Redis.ConnectionString, "--namespace", "shared", .. more, repository.Directory];

        public Process Start(TestRepository repository, params string[] more) => Example.Start("GitHistory.dll", Arguments(repository, more));

        public async ValueTask DisposeAsync()
        {
            await Kafka.DisposeAsync();
            await Redis.DisposeAsync();
        }
    }

    private static async Task<Both> BothAsync()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        return new(await MockKafkaProcess.StartAsync(cancellationToken: Token), await RedisServer.StartAsync(cancellationToken: Token));
    }
}
