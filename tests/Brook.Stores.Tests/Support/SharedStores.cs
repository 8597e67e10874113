using Brook.Postgres;
using Brook.Postgres.Tests.Support;
using Brook.Redis;
using Brook.Sqlite.Tests.Support;
using Brook.Storage;
using Brook.Stores.Tests.Support;
using Brook.TestServers;
using static Brook.Tests.Shared.Entries;

[assembly: AssemblyFixture(typeof(SharedStores))]

namespace Brook.Stores.Tests.Support;

/// <summary>Any of the stores, empty, by its name.</summary>
public sealed class SharedStores : IAsyncLifetime
{
    private static int s_namespaces;
    private RedisServer? _redis;

    public static readonly string[] Kinds = ["memory", "redis", "sqlite", "postgres", "postgres jsonb"];

    /// <summary>For theories.</summary>
    public static TheoryData<string> Each => [.. Kinds];

    /// <summary>From each to each, itself too.</summary>
    public static TheoryData<string, string> Pairs
    {
        get
        {
            var pairs = new TheoryData<string, string>();
            foreach (var from in Kinds)
                foreach (var to in Kinds) pairs.Add(from, to);
            return pairs;
        }
    }

    public async Task<IViewStore> OpenAsync(string kind, TimeProvider? time = null)
    {
        IViewStore store = kind switch
        {
            "memory" => new InMemoryViewStore(time),
            "redis" => new RedisViewStore(Redis.ConnectionString, new RedisStoreOptions { Namespace = $"test{Interlocked.Increment(ref s_namespaces)}" }, time),
            "sqlite" => Files.Current.Open(time),
            "postgres" => SharedPostgres.Current.OpenShared(time),
            _ => SharedPostgres.Current.OpenShared(time, values: PostgresValues.Jsonb),
        };
        await store.StartAsync(Token);
        return store;
    }

    public async ValueTask InitializeAsync()
    {
        if (RedisServer.IsInstalled) _redis = await RedisServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_redis is not null) await _redis.DisposeAsync();
    }

    private RedisServer Redis
    {
        get
        {
            Assert.SkipWhen(_redis is null, Servers.SkipReason(RedisServer.WhyNot) ?? "");
            return _redis!;
        }
    }
}
