using Brook.Redis.Tests.Support;
using Brook.TestServers;
using StackExchange.Redis;

[assembly: AssemblyFixture(typeof(SharedRedis))]

namespace Brook.Redis.Tests.Support;

/// <summary>One server for the tests that do it no harm; each takes a namespace of its own.</summary>
public sealed class SharedRedis : IAsyncLifetime
{
    private static int s_namespaces;
    private static SharedRedis? s_current;
    private RedisServer? _server;
    private ConnectionMultiplexer? _connection;

    /// <summary>For tests that are compiled here and know nothing of Redis.</summary>
    public static SharedRedis Current => s_current!;

    public RedisServer Server
    {
        get
        {
            Assert.SkipWhen(_server is null, Servers.SkipReason(RedisServer.WhyNot) ?? "");
            return _server!;
        }
    }

    /// <summary>An empty view over a connection of its own.</summary>
    public RedisViewStore Open(TimeProvider? time = null, string? space = null) => new(Server.ConnectionString, new RedisStoreOptions { Namespace = space ?? NewNamespace() }, time);

    /// <summary>An empty view over a connection that all have together.</summary>
    public RedisViewStore OpenShared(TimeProvider? time = null)
    {
        _ = Server;
        return new(_connection!, new RedisStoreOptions { Namespace = NewNamespace() }, time);
    }

    public static string NewNamespace() => $"test{Interlocked.Increment(ref s_namespaces)}";

    public async ValueTask InitializeAsync()
    {
        s_current = this;
        if (!RedisServer.IsInstalled) return;
        _server = await RedisServer.StartAsync();
        _connection = await ConnectionMultiplexer.ConnectAsync(_server.ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null) await _connection.DisposeAsync();
        if (_server is not null) await _server.DisposeAsync();
    }
}
