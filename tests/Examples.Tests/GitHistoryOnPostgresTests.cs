using Brook.TestServers;
using Examples.Tests.Support;
using static Examples.Tests.Support.TestRepository;

namespace Examples.Tests;

public sealed class GitHistoryOnPostgresTests
{
    [Fact]
    public async Task The_view_outlives_the_run_the_second_one_is_up_to_date_and_sql_reads_it()
    {
        Assert.SkipUnless(PostgresServer.IsInstalled, Servers.SkipReason(PostgresServer.WhyNot) ?? "");
        await using var postgres = await PostgresServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        using var repository = new TestRepository().Commit(File("a") + File("b")).Commit(File("a", "y")).Import();

        var first = await RunAsync(postgres, repository);
        var second = await RunAsync(postgres, repository);

        Assert.Equal((0, "view equals git ls-tree: 2 files"), (first.ExitCode, first.LastLine));
        Assert.Equal((0, "view equals git ls-tree: 2 files"), (second.ExitCode, second.LastLine));
        Assert.Contains("the view is up to date: it has the history up to ", second.Output, StringComparison.Ordinal);
        Assert.Equal("2", await postgres.QueryAsync("SELECT count(*) FROM history.entries WHERE collection = 'files'"));
    }

    private static Task<Example> RunAsync(PostgresServer postgres, TestRepository repository)
        => Example.RunAsync("GitHistory.dll", ["--store", "postgres", "--postgres", postgres.ConnectionString, "--namespace", "history", repository.Directory]);
}
