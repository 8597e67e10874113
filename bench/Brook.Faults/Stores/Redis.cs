using Brook.Redis;
using Brook.Storage;
using Brook.TestServers;
using StackExchange.Redis;

namespace Brook.Faults;

/// <summary>redis-server with an append-only file.</summary>
internal sealed class Redis : Store
{
    public override string Name => "redis";

    public override string? WhyNot => RedisServer.WhyNot;

    public override async Task<StoreHost> StartAsync(Needs needs, CancellationToken cancellationToken)
        => new RedisHost(await RedisServer.StartAsync(new() { AppendOnly = needs.EverySecond ? AppendOnly.EverySecond : AppendOnly.Always }, cancellationToken), needs.Proxy);

    /// <summary>Notices and mends a lost connection faster than StackExchange.Redis does by default: a trial is to be short.</summary>
    public override IViewStore Open(string place, int timeout = 500)
    {
        var configuration = ConfigurationOptions.Parse(place);
        configuration.HeartbeatInterval = TimeSpan.FromMilliseconds(100);
        configuration.ReconnectRetryPolicy = new LinearRetry(50);
        (configuration.ConnectTimeout, configuration.AsyncTimeout, configuration.SyncTimeout) = (Math.Max(1000, timeout), timeout, timeout);
        return new RedisViewStore(configuration, new RedisStoreOptions { Namespace = RedisHost.Space });
    }
}

internal sealed class RedisHost(RedisServer server, bool proxy) : StoreHost
{
    public const string Space = "faults";

    public RedisServer Server => server;

    public TcpProxy? Proxy { get; } = proxy ? TcpProxy.Start(server.Host, server.Port) : null;

    public override string Place => Proxy?.ConnectionString ?? Direct;

    public override string Direct => server.ConnectionString;

    /// <summary>Names the data; null: there is none.</summary>
    public async Task<string?> DataIdAsync() => (string?)await server.CommandAsync("GET", $"{{{Space}}}:id");

    /// <summary>Writes the append-only file anew, without what a crash has left at its end.</summary>
    public async Task RewriteAsync(CancellationToken cancellationToken)
    {
        await server.CommandAsync("BGREWRITEAOF");
        IReadOnlyDictionary<string, string> info;
        do
        {
            await Task.Delay(5, cancellationToken);
            info = await server.InfoAsync("persistence");
        }
        while (info["aof_rewrite_in_progress"] != "0" || info["aof_rewrite_scheduled"] != "0");
        if (info["aof_last_bgrewrite_status"] != "ok") throw new InvalidOperationException($"BGREWRITEAOF failed: {server.LogTail()}");
    }

    public override async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        await server.DisposeAsync();
    }
}
