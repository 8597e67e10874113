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
    private ConnectionMultiplexer? _connection, _admin;

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

    /// <summary>A view in Elixir's layout; empty, unless the namespace is used already.</summary>
    internal ElixirViewStore OpenElixir(TimeProvider? time = null, string? space = null, ElixirSerializer serializer = ElixirSerializer.BrookSerde)
    {
        var options = new RedisStoreOptions { Namespace = space ?? NewNamespace(), ElixirSerializer = serializer };
        return new(RedisConfiguration.Connection(RedisConfiguration.Parse(Server.ConnectionString), options), options, time);
    }

    /// <summary>A started store in Elixir's layout, and Elixir beside it.</summary>
    internal async Task<(ElixirProbe Net, ElixirWriter Elixir)> OpenBothAsync(TimeProvider? time = null)
    {
        var space = NewNamespace();
        var store = OpenElixir(time, space);
        await store.StartAsync(TestContext.Current.CancellationToken);
        return (new(store), new(await ConnectAsync(), space));
    }

    /// <summary>The server without Brook: what another program does there.</summary>
    public async Task<IDatabase> ConnectAsync() => (_admin ??= await ConnectionMultiplexer.ConnectAsync($"{Server.ConnectionString},allowAdmin=true")).GetDatabase();

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
        if (_admin is not null) await _admin.DisposeAsync();
        if (_server is not null) await _server.DisposeAsync();
    }
}
