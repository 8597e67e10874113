using System.Diagnostics;
using System.Globalization;
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
        for (var kill = 0; kill < 3; kill++) await KillAtAsync(redis, repository, await FilesAsync(redis) + 500);
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
        Assert.Contains("that commit is not on the first-parent line of", run.Error, StringComparison.Ordinal);
        Assert.Contains("--namespace", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_and_then_rewritten_the_history_is_not_taken_for_the_one_that_was_read()
    {
        await using var redis = await StartAsync();
        using var repository = Large();
        await KillAtAsync(redis, repository, 1000);
        repository.Git("update-ref", "refs/heads/main", "main~399");
        var run = await Example.RunAsync("GitHistory.dll", ["--store", "redis", "--redis", redis.ConnectionString, "--namespace", "killed", repository.Directory]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("or a part of it, and that commit is not on the first-parent line of", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_branch_that_was_merged_with_as_many_commits_is_another_line()
    {
        await using var redis = await StartAsync();
        using var repository = new TestRepository().Commit(File("root")).Branch("side", "main").Commit(File("s1"), branch: "side").Commit(File("k1")).Commit(File("k2"))
            .Commit(File("k1") + File("k2"), branch: "side", merge: "main").Commit(File("s1"), merge: "side").Import();
        repository.Git("symbolic-ref", "HEAD", "refs/heads/side");
        Assert.Equal(0, (await RunAsync(redis, repository)).ExitCode);
        repository.Git("symbolic-ref", "HEAD", "refs/heads/main");
        var run = await RunAsync(redis, repository);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("that commit is not on the first-parent line of", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopped_while_redis_does_not_answer_it_ends_soon()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "sends a signal");
        await using var redis = await StartAsync();
        using var repository = Large();
        using var run = Example.Start("GitHistory.dll", "--store", "redis", "--redis", redis.ConnectionString, "--namespace", "killed", repository.Directory);
        var error = run.StandardError.ReadToEndAsync(Token);
        await UntilFilesAsync(redis, run, 1000);
        await redis.PauseAsync();
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {run.Id.ToString(CultureInfo.InvariantCulture)}"]);      // as Ctrl+C, which a shell in the background ignores
        try { await run.WaitForExitAsync(Token).WaitAsync(TimeSpan.FromSeconds(15), Token); }
        finally { run.Kill(); }         // nothing happens to one that has ended
        Assert.Equal(130, run.ExitCode);
        Assert.EndsWith("Stopped before the end: nothing is proven.", (await error).TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("There is no store 'sqlight'. Take one of: memory, redis, sqlite, postgres.", "--store", "sqlight")]
    [InlineData("--store needs a value.", "--store")]
    [InlineData("--redis needs a value.", "--store", "redis", "--redis", "")]
    [InlineData("--redis needs a value.", "--store", "redis", "--redis", "--namespace", "a")]
    [InlineData("PATH is empty.", "")]
    [InlineData("There is no option '--stroe'.", "--stroe", "redis")]
    [InlineData("There are two paths: 'a' and 'b'.", "a", "b")]
    [InlineData("--redis belongs to --store redis.", "--redis", "localhost")]
    [InlineData("--postgres belongs to --store postgres.", "--store", "redis", "--postgres", "Host=localhost")]
    [InlineData("--namespace belongs to --store redis or postgres.", "--namespace", "a")]
    public async Task Arguments_that_make_no_sense_are_named(string message, params string[] arguments)
    {
        var run = await Example.RunAsync("GitHistory.dll", arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"{message}\n\nusage: ", run.Error, StringComparison.Ordinal);
    }

    private static Task<Example> RunAsync(RedisServer redis, TestRepository repository) => Example.RunAsync("GitHistory.dll", ["--store", "redis", "--redis", redis.ConnectionString, repository.Directory]);

    private static async Task KillAtAsync(RedisServer redis, TestRepository repository, long files)
    {
        using var run = Example.Start("GitHistory.dll", "--store", "redis", "--redis", redis.ConnectionString, "--namespace", "killed", repository.Directory);
        await UntilFilesAsync(redis, run, files);
        run.Kill();
        await run.WaitForExitAsync(Token);
        Assert.InRange(await FilesAsync(redis), files, 19_999);         // it was in the middle
    }

    private static async Task UntilFilesAsync(RedisServer redis, Process run, long files)
    {
        for (var waited = Stopwatch.StartNew(); !run.HasExited && await FilesAsync(redis) < files && waited.Elapsed < TimeSpan.FromSeconds(20);) await Task.Delay(5, Token);
    }

    private static async Task<long> FilesAsync(RedisServer redis) => (long)(await redis.CommandAsync("HLEN", "{killed}:s:files"))!;

    private static async Task<RedisServer> StartAsync()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        return await RedisServer.StartAsync(new() { AppendOnly = AppendOnly.EverySecond }, Token);
    }
}
