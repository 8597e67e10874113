using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Brook.TestServers.Tests;

public sealed class RedisServerTests
{
    [Fact]
    public async Task A_started_server_answers()
    {
        await using var redis = await Redis.StartAsync(new() { Databases = 3, MaxMemory = "10mb", MaxMemoryPolicy = "noeviction", ExtraArguments = ["--maxclients", "77"] });

        Assert.Equal("PONG", await redis.CommandAsync("PING"));
        Assert.Equal("OK", await redis.CommandAsync("SET", "a", "ä\r\nb"));
        Assert.Equal("ä\r\nb", await redis.CommandAsync("GET", "a"));
        Assert.Null(await redis.CommandAsync("GET", "b"));
        Assert.Equal(2L, await redis.CommandAsync("RPUSH", "list", "1", "2"));
        Assert.Equal(new object?[] { "1", "2" }, await redis.CommandAsync("LRANGE", "list", "0", "-1"));
        Assert.StartsWith("WRONGTYPE", (await Assert.ThrowsAsync<RedisErrorException>(() => redis.CommandAsync("GET", "list"))).Message, StringComparison.Ordinal);
        Assert.Equal(new object?[] { "databases", "3" }, await redis.CommandAsync("CONFIG", "GET", "databases"));
        Assert.Equal(new object?[] { "maxclients", "77" }, await redis.CommandAsync("CONFIG", "GET", "maxclients"));
        var memory = await redis.InfoAsync("memory");
        Assert.Equal(("10485760", "noeviction"), (memory["maxmemory"], memory["maxmemory_policy"]));
        Assert.Equal($"127.0.0.1:{redis.Port}", redis.ConnectionString);
        Assert.Equal(redis.ProcessId, int.Parse((await redis.InfoAsync("server"))["process_id"], null));
    }

    [Fact]
    public async Task A_restart_keeps_what_is_in_the_append_only_file()
    {
        await using var redis = await Redis.StartAsync(new() { AppendOnly = AppendOnly.EverySecond });
        var process = redis.ProcessId;
        await redis.CommandAsync("SET", "a", "1");

        await redis.RestartAsync(TestContext.Current.CancellationToken);

        Assert.NotEqual(process, redis.ProcessId);
        Assert.Equal("1", await redis.CommandAsync("GET", "a"));
    }

    [Fact]
    public async Task Without_an_append_only_file_nothing_survives()
    {
        await using var redis = await Redis.StartAsync();
        await redis.CommandAsync("SET", "a", "1");

        await redis.RestartAsync(TestContext.Current.CancellationToken);

        Assert.Null(await redis.CommandAsync("GET", "a"));
    }

    [Fact]
    public async Task A_killed_server_starts_again_with_its_data()
    {
        await using var redis = await Redis.StartAsync(new() { AppendOnly = AppendOnly.Always });
        await redis.CommandAsync("SET", "a", "1");

        await redis.KillAsync();
        Assert.False(redis.IsRunning);
        await Assert.ThrowsAsync<SocketException>(() => redis.CommandAsync("PING"));

        await redis.RestartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("1", await redis.CommandAsync("GET", "a"));
    }

    [Fact]
    public async Task The_end_of_the_append_only_file_can_be_cut_off()
    {
        await using var redis = await Redis.StartAsync(new() { AppendOnly = AppendOnly.Always });
        await redis.CommandAsync("SET", "first", "1");
        await redis.CommandAsync("SET", "second", "2");
        Assert.Contains("only while the server is stopped", Assert.Throws<InvalidOperationException>(() => redis.TruncateAppendOnlyFile(5)).Message, StringComparison.Ordinal);

        await redis.KillAsync();
        Assert.Equal(5, redis.TruncateAppendOnlyFile(5));
        await redis.RestartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(new object?[] { "1", null }, await redis.CommandAsync("MGET", "first", "second"));

        await redis.StopAsync();
        Assert.True(redis.TruncateAppendOnlyFile(1.0) > 0);
        await redis.RestartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0L, await redis.CommandAsync("DBSIZE"));
    }

    [Fact]
    public async Task There_is_nothing_to_cut_without_an_append_only_file()
    {
        await using var redis = await Redis.StartAsync();
        await redis.KillAsync();

        Assert.Contains("AppendOnly = None", Assert.Throws<InvalidOperationException>(() => redis.TruncateAppendOnlyFile(0.5)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_paused_server_takes_connections_and_answers_later()
    {
        await using var redis = await Redis.StartAsync();

        await redis.PauseAsync();
        using var client = await RedisConnection.ConnectAsync(redis.Host, redis.Port, TestContext.Current.CancellationToken);
        var answer = client.CommandAsync(["PING"], TestContext.Current.CancellationToken);
        Assert.False(answer.IsCompleted);

        await redis.ResumeAsync();
        Assert.Equal("PONG", await answer);
    }

    [Fact]
    public async Task A_paused_server_can_be_stopped_and_killed()
    {
        await using var redis = await Redis.StartAsync();
        await redis.PauseAsync();
        await redis.StopAsync();

        await redis.RestartAsync(TestContext.Current.CancellationToken);
        await redis.PauseAsync();
        await redis.KillAsync();
        Assert.False(redis.IsRunning);
    }

    [Fact]
    public async Task Users_have_the_rights_that_they_were_given()
    {
        await using var redis = await Redis.StartAsync(new() { RequirePass = "pass", UserAcl = ["reader on >secret ~a* +@read"] });
        using var client = await RedisConnection.ConnectAsync(redis.Host, redis.Port, TestContext.Current.CancellationToken);
        Task<object?> Ask(params string[] command) => client.CommandAsync(command, TestContext.Current.CancellationToken);
        await redis.CommandAsync("SET", "a", "1");

        await Refused("NOAUTH", "GET", "a");
        await Refused("WRONGPASS", "AUTH", "reader", "guess");
        Assert.Equal("OK", await Ask("AUTH", "reader", "secret"));
        Assert.Equal("1", await Ask("GET", "a"));
        await Refused("NOPERM", "GET", "b");
        await Refused("NOPERM", "SET", "a", "2");
        Assert.Equal("OK", await Ask("AUTH", "pass"));
        Assert.Equal("OK", await Ask("SET", "a", "2"));

        async Task Refused(string error, params string[] command)
            => Assert.StartsWith(error, (await Assert.ThrowsAsync<RedisErrorException>(() => Ask(command))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fixture_gets_in_when_the_default_user_may_not()
    {
        await using var redis = await Redis.StartAsync(new() { UserAcl = ["default off"] });

        Assert.Equal("fixture", await redis.CommandAsync("ACL", "WHOAMI"));
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("example.org", false)]
    public async Task A_server_with_TLS_is_trusted_by_its_authority_and_its_name(string name, bool trusted)
    {
        await using var redis = await Redis.StartAsync(new() { Tls = true });
        using var client = new TcpClient();
        await client.ConnectAsync(redis.Host, redis.TlsPort, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(client.GetStream());
        var handshake = tls.AuthenticateAsClientAsync(new()
        {
            TargetHost = name,
            CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { redis.CaCertificate! }, RevocationMode = X509RevocationMode.NoCheck },
        }, TestContext.Current.CancellationToken);

        if (!trusted)
        {
            await Assert.ThrowsAnyAsync<System.Security.Authentication.AuthenticationException>(() => handshake);
            return;
        }
        await handshake;
        await tls.WriteAsync("PING\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        var answer = new byte[7];
        await tls.ReadExactlyAsync(answer, TestContext.Current.CancellationToken);
        Assert.Equal("+PONG\r\n"u8, answer);
        Assert.Equal("PONG", await redis.CommandAsync("PING"));
    }

    [Fact]
    public async Task A_cluster_of_one_node_has_all_slots_also_after_a_restart()
    {
        await using var redis = await Redis.StartAsync(new() { ClusterEnabled = true, AppendOnly = AppendOnly.Always });
        Assert.Contains("cluster_state:ok", (string)(await redis.CommandAsync("CLUSTER", "INFO"))!, StringComparison.Ordinal);
        Assert.Equal("OK", await redis.CommandAsync("SET", "a", "1"));

        await redis.KillAsync();
        await redis.RestartAsync(TestContext.Current.CancellationToken);

        Assert.Contains("cluster_slots_ok:16384", (string)(await redis.CommandAsync("CLUSTER", "INFO"))!, StringComparison.Ordinal);
        Assert.Equal("1", await redis.CommandAsync("GET", "a"));
    }

    [Fact]
    public async Task A_replica_becomes_in_sync()
    {
        await using var primary = await Redis.StartAsync(new() { RequirePass = "pass" });
        await primary.CommandAsync("SET", "a", "1");
        await using var replica = await Redis.StartAsync(new() { ReplicaOf = (primary.Host, primary.Port) });

        await replica.InSyncAsync(TestContext.Current.CancellationToken);

        Assert.Equal("1", await replica.CommandAsync("GET", "a"));
        Assert.StartsWith("READONLY", (await Assert.ThrowsAsync<RedisErrorException>(() => replica.CommandAsync("SET", "a", "2"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_file_is_in_the_directory()
    {
        await using var redis = await Redis.StartAsync(new() { UnixSocket = "redis.sock" });
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        await socket.ConnectAsync(new UnixDomainSocketEndPoint(redis.UnixSocketPath!), TestContext.Current.CancellationToken);

        Assert.True(socket.Connected);
    }

    [Fact]
    public async Task Work_shows_in_the_processor_time()
    {
        await using var redis = await Redis.StartAsync();
        var before = redis.CpuTime;

        await redis.CommandAsync("EVAL", "local x = 0 for i = 1, 2e7 do x = x + i end return x", "0");

        Assert.True(redis.CpuTime > before);
    }
}
