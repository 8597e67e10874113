using Brook.Redis.Tests.Support;
using Brook.TestServers;

[assembly: AssemblyFixture(typeof(SharedRedis))]

namespace Brook.Redis.Tests.Support;

/// <summary>One server for the tests that do it no harm; each takes a namespace of its own.</summary>
public sealed class SharedRedis : IAsyncLifetime
{
    private static int s_namespaces;
    private RedisServer? _server;

    public RedisServer Server
    {
        get
        {
            Assert.SkipWhen(_server is null, Servers.SkipReason(RedisServer.WhyNot) ?? "");
            return _server!;
        }
    }

    /// <summary>An empty view.</summary>
    public RedisViewStore Open(TimeProvider? time = null, string? space = null) => new($"{Server.ConnectionString},allowAdmin=true", new RedisStoreOptions { Namespace = space ?? NewNamespace() }, time);

    /// <summary>A view in Elixir's layout; empty, unless the namespace is used already.</summary>
    internal ElixirViewStore OpenElixir(TimeProvider? time = null, string? space = null, ElixirSerializer serializer = ElixirSerializer.BrookSerde)
    {
        var options = new RedisStoreOptions { Namespace = space ?? NewNamespace(), ElixirSerializer = serializer };
        return new(RedisConfiguration.Connection(RedisConfiguration.Parse(Server.ConnectionString), options), options, time);
    }

    public static string NewNamespace() => $"test{Interlocked.Increment(ref s_namespaces)}";

    public async ValueTask InitializeAsync()
    {
        if (RedisServer.IsInstalled) _server = await RedisServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}
