using System.Net;
using StackExchange.Redis;

namespace Brook.Redis;

internal static class RedisConfiguration
{
    /// <summary>What a text says, and otherwise what suits a service that goes on by itself: a lost connection is noticed at once and tried again often.</summary>
    /// <exception cref="BrookException">It cannot be read.</exception>
    public static ConfigurationOptions Parse(string configuration)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(configuration);
        try
        {
            var parsed = ConfigurationOptions.Parse(configuration, ignoreUnknown: false);
            if (parsed.EndPoints.Count == 0) throw new ArgumentException("it names no server.");
            if (parsed.EndPoints.Any(endpoint => endpoint is DnsEndPoint dns && dns.Host.AsSpan().ContainsAny('/', '@'))) throw new ArgumentException("a server is host:port here, not a URL, and user and password stand behind it.");
            parsed.HeartbeatInterval = TimeSpan.FromMilliseconds(250);                  // timeouts are noticed, and reconnects tried, with the heartbeat
            parsed.ReconnectRetryPolicy = new ExponentialRetry(250, 5000);
            return parsed;
        }
        catch (ArgumentException e)
        {
            throw new BrookException($"The Redis configuration cannot be read: {e.Message} It looks like this: localhost:6379,user=app,password=...,ssl=true", e);
        }
    }

    /// <summary>A connection of our own. While it cannot be made, each attempt says why; once made, it is kept.</summary>
    public static RedisConnection Connection(ConfigurationOptions configuration, RedisStoreOptions? options)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var own = configuration.Clone();
        own.AbortOnConnectFail = true;
        own.ChannelPrefix = default;                            // the commit's script publishes without
        own.ClientName ??= $"brook-{options?.Namespace ?? "brook"}";
        return new(async () => await ConnectionMultiplexer.ConnectAsync(own).ConfigureAwait(false), owned: true, options?.Database, RedisConnection.Show(own.EndPoints), own.User);
    }

    public static RedisConnection Connection(IConnectionMultiplexer connection, RedisStoreOptions? options)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return new(() => Task.FromResult(connection), owned: false, options?.Database, RedisConnection.Show(connection.GetEndPoints()));
    }
}
