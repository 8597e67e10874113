using System.Diagnostics;
using System.Net.Sockets;

namespace Brook.TestServers.Tests;

public sealed class TcpProxyTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cut_ends_all_connections_and_new_ones_work()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var first = await ConnectAsync(proxy);
        using var second = await ConnectAsync(proxy);
        Assert.Equal((2, 2L, 0L), (proxy.Connections, proxy.Accepted, proxy.Cuts));

        Assert.Equal(2, proxy.CutAll());

        await AssertCutAsync(first);
        await AssertCutAsync(second);
        await Until.TrueAsync(() => proxy.Connections == 0, "the connections are forgotten");
        using var third = await ConnectAsync(proxy);
        Assert.Equal(2, proxy.Cuts);
    }

    [Fact]
    public async Task New_connections_are_refused_and_open_ones_stay()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var open = await ConnectAsync(proxy);

        for (var i = 0; i < 3; i++)
        {
            proxy.RefuseNew = true;
            var refused = await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(proxy));
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
            Assert.Equal("PONG", await open.CommandAsync(["PING"], Cancellation).Done());

            proxy.RefuseNew = false;
            using var another = await ConnectAsync(proxy);
        }
    }

    [Fact]
    public async Task A_stall_holds_everything_up_and_loses_nothing()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var open = await ConnectAsync(proxy);

        proxy.Stall = true;
        var answer = open.CommandAsync(["INCR", "a"], Cancellation);
        using var late = await RedisConnection.ConnectAsync(proxy.Host, proxy.Port, Cancellation);
        var lateAnswer = late.CommandAsync(["INCR", "b"], Cancellation);
        await Until.TrueAsync(() => proxy.Connections == 2, "the second connection is taken");
        Assert.Equal(0L, await redis.CommandAsync("EXISTS", "a", "b"));
        Assert.False(answer.IsCompleted || lateAnswer.IsCompleted);

        proxy.Stall = false;
        Assert.Equal(1L, await answer.Done());
        Assert.Equal(1L, await lateAnswer.Done());
        Assert.Equal(0, proxy.Cuts);
    }

    [Fact]
    public async Task A_stalled_connection_can_be_cut()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var open = await ConnectAsync(proxy);

        proxy.Stall = true;
        var answer = open.CommandAsync(["PING"], Cancellation);
        proxy.CutAll();

        await Assert.ThrowsAnyAsync<IOException>(() => answer.Done());
    }

    [Fact]
    public async Task Dropped_replies_belong_to_commands_that_were_done()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var open = await ConnectAsync(proxy);
        using var idle = await ConnectAsync(proxy);

        proxy.DropReplies = true;
        var answer = open.CommandAsync(["INCR", "a"], Cancellation);
        await Until.TrueAsync(() => proxy.LostReplies == 1, "the reply is swallowed");
        Assert.False(answer.IsCompleted);
        Assert.Equal("1", await redis.CommandAsync("GET", "a"));

        proxy.DropReplies = false;
        await Assert.ThrowsAnyAsync<IOException>(() => answer.Done());
        Assert.Equal("PONG", await idle.CommandAsync(["PING"], Cancellation).Done());
        Assert.Equal(1, proxy.Cuts);
    }

    [Fact]
    public async Task Replies_can_be_dropped_for_a_while()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var open = await ConnectAsync(proxy);

        var dropping = proxy.DropRepliesAsync(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<IOException>(() => open.CommandAsync(["PING"], Cancellation).Done());
        await dropping.Done();

        using var another = await ConnectAsync(proxy);
        Assert.False(proxy.DropReplies);
    }

    [Fact]
    public async Task The_reply_of_one_command_can_be_lost()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var open = await ConnectAsync(proxy);

        var lost = proxy.LoseNextReplyAsync("INCR");
        Assert.Equal("PONG", await open.CommandAsync(["PING"], Cancellation).Done());
        Assert.False(lost.IsCompleted);
        await Assert.ThrowsAnyAsync<IOException>(() => open.CommandAsync(["INCR", "a"], Cancellation).Done());
        await lost.Done();
        Assert.Equal("1", await redis.CommandAsync("GET", "a"));

        using var another = await ConnectAsync(proxy);
        lost = proxy.LoseNextReplyAsync();
        await AssertCutAsync(another);
        await lost.Done();
        using var third = await ConnectAsync(proxy);
        Assert.Equal((2L, 2L), (proxy.Cuts, proxy.LostReplies));
    }

    [Fact]
    public async Task Segments_of_one_byte_arrive_as_they_were_sent()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        proxy.SegmentSize = 1;
        using var open = await ConnectAsync(proxy);
        var value = new string('x', 5000) + "é";

        Assert.Equal("OK", await open.CommandAsync(["SET", "a", value], Cancellation).Done());
        Assert.Equal(value, await open.CommandAsync(["GET", "a"], Cancellation).Done());

        Assert.True(proxy.Segments > 10_000);
    }

    [Fact]
    public async Task A_connection_is_cut_after_so_many_bytes()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        await redis.CommandAsync("SET", "a", "0123456789");
        proxy.CutEveryBytes = 50;
        using var client = new TcpClient();
        await client.ConnectAsync(proxy.Host, proxy.Port, Cancellation);

        await client.GetStream().WriteAsync("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"u8.ToArray(), Cancellation);     // 40 bytes

        var reply = new byte[100];
        var length = 0;
        var end = await Assert.ThrowsAsync<IOException>(async () => { while (await client.GetStream().ReadAsync(reply.AsMemory(length), Cancellation) is > 0 and var read) length += read; });
        Assert.Equal(SocketError.ConnectionReset, ((SocketException)end.InnerException!).SocketErrorCode);
        Assert.Equal("$10\r\n01234", System.Text.Encoding.UTF8.GetString(reply, 0, length));
        Assert.Equal(1, proxy.Cuts);
    }

    [Fact]
    public async Task A_delay_goes_into_each_direction()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var open = await ConnectAsync(proxy);
        proxy.Delay = TimeSpan.FromMilliseconds(50);
        var started = Stopwatch.GetTimestamp();

        Assert.Equal("PONG", await open.CommandAsync(["PING"], Cancellation).Done());

        Assert.True(Stopwatch.GetElapsedTime(started) > TimeSpan.FromMilliseconds(95));
    }

    [Fact]
    public async Task An_end_of_one_side_is_passed_on()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        var closing = await ConnectAsync(proxy);
        var open = await ConnectAsync(proxy);

        closing.Dispose();
        await Until.TrueAsync(() => proxy.Connections == 1, "the closed connection is forgotten");
        await redis.KillAsync();
        await AssertCutAsync(open);
        open.Dispose();
        await Until.TrueAsync(() => proxy.Connections == 0, "the connection to the killed server is forgotten");
        Assert.True(await Record.ExceptionAsync(() => ConnectAsync(proxy)) is IOException or SocketException);

        await redis.RestartAsync(Cancellation);
        using var another = await ConnectAsync(proxy);
        Assert.Equal(0, proxy.Cuts);
    }

    [Fact]
    public async Task Chaos_loses_replies_and_never_commands_that_were_answered()
    {
        await using var redis = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(redis.Host, redis.Port);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var chaos = proxy.ChaosAsync(seed: 1, TimeSpan.FromMilliseconds(20), enough.Token);
        var (answered, failed) = (0, 0);

        await Until.TrueAsync(() => proxy.Cuts >= 10 && proxy.LostReplies >= 3, "there was enough chaos", async () =>
        {
            try
            {
                using var client = await RedisConnection.ConnectAsync(proxy.Host, proxy.Port, Cancellation);
                while (true)
                {
                    await client.CommandAsync(["INCR", "a"], Cancellation);
                    answered++;
                }
            }
            catch (Exception e) when (e is IOException or SocketException) { failed++; }
        });
        await enough.CancelAsync();

        Assert.True(await chaos.Done() > 0);
        var done = int.Parse((string)(await redis.CommandAsync("GET", "a"))!, null);
        Assert.InRange(done, answered + 1, answered + failed);
        using var calm = await ConnectAsync(proxy);
        Assert.False(proxy.DropReplies);
    }

    [Fact]
    public async Task A_replica_behind_a_proxy_falls_behind_and_catches_up()
    {
        await using var primary = await Redis.StartAsync();
        await using var proxy = TcpProxy.Start(primary.Host, primary.Port);
        await using var replica = await Redis.StartAsync(new() { ReplicaOf = (proxy.Host, proxy.Port) });
        await replica.InSyncAsync(Cancellation);

        proxy.Stall = true;
        await primary.CommandAsync("SET", "a", "1");
        Assert.Null(await replica.CommandAsync("GET", "a"));

        proxy.Stall = false;
        var started = Stopwatch.GetTimestamp();
        while (await replica.CommandAsync("GET", "a") is null) Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(20));
    }

    // Answered once: the proxy knows it and the server is connected.
    private static async Task<RedisConnection> ConnectAsync(TcpProxy proxy)
    {
        var client = await RedisConnection.ConnectAsync(proxy.Host, proxy.Port, Cancellation);
        Assert.Equal("PONG", await client.CommandAsync(["PING"], Cancellation).Done());
        return client;
    }

    private static Task<IOException> AssertCutAsync(RedisConnection client) => Assert.ThrowsAnyAsync<IOException>(() => client.CommandAsync(["PING"], Cancellation).Done());
}
