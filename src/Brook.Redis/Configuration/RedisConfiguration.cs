using StackExchange.Redis;

namespace Brook.Redis;

internal static class RedisConfiguration
{
    /// <exception cref="BrookException">It cannot be read.</exception>
    public static ConfigurationOptions Parse(string configuration)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(configuration);
        try { return ConfigurationOptions.Parse(configuration, ignoreUnknown: false); }
        catch (ArgumentException e) { throw new BrookException($"The Redis configuration cannot be read: {e.Message} It looks like this: localhost:6379,user=app,password=...,ssl=true", e); }
    }

    /// <summary>A connection of our own. It waits for a server that is away, instead of giving up.</summary>
    public static RedisConnection Connection(ConfigurationOptions configuration, RedisStoreOptions? options)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var own = configuration.Clone();
        own.AbortOnConnectFail = false;
        own.ClientName ??= $"brook-{options?.Namespace ?? "brook"}";
        return new(async () => await ConnectionMultiplexer.ConnectAsync(own).ConfigureAwait(false), owned: true, options?.Database, RedisConnection.Show(own.EndPoints));
    }

    public static RedisConnection Connection(IConnectionMultiplexer connection, RedisStoreOptions? options)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return new(() => Task.FromResult(connection), owned: false, options?.Database, RedisConnection.Show(connection.GetEndPoints()));
    }
}
