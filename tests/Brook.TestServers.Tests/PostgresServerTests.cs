namespace Brook.TestServers.Tests;

public sealed class PostgresServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_started_server_answers_flushes_its_writes_and_goes_with_its_directory()
    {
        var server = await StartAsync(new() { Configuration = ["max_connections = 17"] });
        Assert.Equal("17|on", await server.QueryAsync("SELECT current_setting('max_connections'), current_setting('fsync')"));
        Assert.Equal("ä'\nb", await server.QueryAsync("SELECT 'ä'''; SELECT 'b'"));
        Assert.Contains("syntax error", (await Assert.ThrowsAsync<InvalidOperationException>(() => server.QueryAsync("SELEC 1"))).Message, StringComparison.Ordinal);
        await server.DisposeAsync();
        Assert.False(Directory.Exists(server.Directory));
    }

    [Fact]
    public async Task Killed_and_restarted_it_has_what_was_committed()
    {
        await using var server = await StartAsync();
        await server.QueryAsync("CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
        await server.KillAsync();
        Assert.False(server.IsRunning);
        await server.RestartAsync(Token);
        Assert.Equal("1", await server.QueryAsync("SELECT n FROM t"));
        var process = server.ProcessId;
        await server.RestartAsync(Token);
        Assert.NotEqual(process, server.ProcessId);
        Assert.Equal("1", await server.QueryAsync("SELECT n FROM t"));
    }

    [Fact]
    public async Task A_paused_server_answers_nothing_until_it_goes_on()
    {
        await using var server = await StartAsync();
        await server.PauseAsync();
        var asked = server.QueryAsync("SELECT 1");
        await Task.Delay(300, Token);
        Assert.False(asked.IsCompleted);
        await server.ResumeAsync();
        Assert.Equal("1", await asked);
    }

    private static Task<PostgresServer> StartAsync(PostgresServerOptions? options = null)
    {
        Assert.SkipWhen(Servers.SkipReason(PostgresServer.WhyNot) is { }, PostgresServer.WhyNot ?? "");
        return PostgresServer.StartAsync(options, Token);
    }
}
