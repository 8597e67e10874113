using System.Globalization;
using System.Text;
using Brook.TestServers;
using Examples.Tests.Support;
using static Examples.Tests.Support.TestRepository;

namespace Examples.Tests;

public sealed class GitHistoryOnRedisTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_view_outlives_the_run_and_the_next_one_follows_what_is_new()
    {
        await using var redis = await StartAsync();
        using var repository = new TestRepository().Commit(File("a") + File("b")).Commit(File("a", "y")).Import();

        var first = await RunAsync(redis, repository);
        var second = await RunAsync(redis, repository);
        repository.Commit("from refs/heads/main^0\n" + File("c") + "D b\n").Import();
        var third = await RunAsync(redis, repository);

        Assert.Equal((0, "view equals git ls-tree: 2 files"), (first.ExitCode, first.LastLine));
        Assert.Equal((0, "view equals git ls-tree: 2 files"), (second.ExitCode, second.LastLine));
        Assert.Contains("the view is up to date: it has the history up to ", second.Output, StringComparison.Ordinal);
        Assert.Contains("authors and days add up to what was sent: 3 file changes, 2 commits", second.Output, StringComparison.Ordinal);
        Assert.Contains(", 2 commits; 1 are new", third.Output, StringComparison.Ordinal);
        Assert.Contains("authors and days add up to what was sent: 5 file changes, 3 commits", third.Output, StringComparison.Ordinal);
        Assert.Equal((0, "view equals git ls-tree: 2 files"), (third.ExitCode, third.LastLine));
    }

    [Fact]
    public async Task Killed_in_the_middle_and_started_again_the_proof_holds()
    {
        await using var redis = await StartAsync();
        using var repository = Large();
        for (var kill = 0; kill < 3; kill++)
        {
            using var run = Example.Start("GitHistory.dll", "--store", "redis", "--redis", redis.ConnectionString, "--namespace", "killed", repository.Directory);
            var had = await FilesAsync(redis);
            for (var waited = 0; !run.HasExited && await FilesAsync(redis) < had + 500 && waited < 500; waited++) await Task.Delay(10, Token);
            run.Kill();
            await run.WaitForExitAsync(Token);
        }
        var last = await Example.RunAsync("GitHistory.dll", ["--store", "redis", "--redis", redis.ConnectionString, "--namespace", "killed", repository.Directory]);
        Assert.Equal((0, "view equals git ls-tree: 20000 files"), (last.ExitCode, last.LastLine));
        Assert.Contains("authors and days add up to what was sent: 20,000 file changes, 400 commits", last.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_says_what_it_waits_for_and_goes_on_when_redis_comes()
    {
        await using var redis = await StartAsync();
        await redis.KillAsync();
        using var repository = new TestRepository().Commit(File("a")).Import();
        using var run = Example.Start("GitHistory.dll", "--store", "redis", "--redis", redis.ConnectionString, repository.Directory);
        var said = await run.StandardError.ReadLineAsync(Token);
        Assert.Matches($"^Warning: Lane git/. waits: the store is away .attempt 1.. Nothing is lost; it goes on when the store is back. Redis at {redis.ConnectionString} cannot be reached ", said);
        await redis.RestartAsync(Token);
        var output = await run.StandardOutput.ReadToEndAsync(Token);
        await run.WaitForExitAsync(Token);
        Assert.Equal((0, "view equals git ls-tree: 1 files"), (run.ExitCode, output.TrimEnd().Split('\n')[^1]));
    }

    [Fact]
    public async Task A_view_of_another_branch_is_not_taken_for_this_one()
    {
        await using var redis = await StartAsync();
        using var repository = new TestRepository().Commit(File("a")).Branch("side", "main").Commit(File("b"), branch: "side").Commit(File("c")).Import();
        await RunAsync(redis, repository);
        repository.Git("symbolic-ref", "HEAD", "refs/heads/side");
        var run = await RunAsync(redis, repository);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("which is not on the first-parent line of", run.Error, StringComparison.Ordinal);
        Assert.Contains("--namespace", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("There is no store 'sqlight'. Take one of: memory, redis.", "--store", "sqlight")]
    [InlineData("--store needs a value.", "--store")]
    [InlineData("There is no option '--stroe'.", "--stroe", "redis")]
    [InlineData("There are two paths: 'a' and 'b'.", "a", "b")]
    [InlineData("--redis and --namespace belong to --store redis.", "--redis", "localhost")]
    public async Task Arguments_that_make_no_sense_are_named(string message, params string[] arguments)
    {
        var run = await Example.RunAsync("GitHistory.dll", arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"{message}\n\nusage: ", run.Error, StringComparison.Ordinal);
    }

    private static Task<Example> RunAsync(RedisServer redis, TestRepository repository) => Example.RunAsync("GitHistory.dll", ["--store", "redis", "--redis", redis.ConnectionString, repository.Directory]);

    private static async Task<long> FilesAsync(RedisServer redis) => (long)(await redis.CommandAsync("HLEN", "{killed}:s:files"))!;

    private static TestRepository Large()
    {
        var (repository, next) = (new TestRepository(), 0);
        for (var commit = 0; commit < 400; commit++)
        {
            var changes = new StringBuilder();
            for (var i = 0; i < 50; i++) changes.Append(File(string.Create(CultureInfo.InvariantCulture, $"d{commit}/f{next++}")));
            repository.Commit(changes.ToString(), string.Create(CultureInfo.InvariantCulture, $"Author {commit % 40} <a@x>"));
        }
        return repository.Import();
    }

    private static async Task<RedisServer> StartAsync()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        return await RedisServer.StartAsync(new() { AppendOnly = AppendOnly.EverySecond }, Token);
    }
}
