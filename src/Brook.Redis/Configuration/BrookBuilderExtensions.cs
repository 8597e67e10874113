using Brook.Redis;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Brook;

/// <summary>Keeps an instance's view in Redis.</summary>
public static class RedisBrookBuilderExtensions
{
    /// <summary>Keeps the view in the Redis that <paramref name="configuration"/> names, with a connection of its own. A server that is away is waited for.</summary>
    /// <param name="brook">The instance.</param>
    /// <param name="configuration">As StackExchange.Redis has it: <c>localhost:6379,user=app,password=...,ssl=true</c>.</param>
    /// <param name="configure">Changes the store's options.</param>
    /// <param name="layout">How the view lies there; <see cref="RedisLayout.ElixirBrook"/> shares it with Brook for Elixir, and needs <see cref="RedisStoreOptions.Namespace"/>.</param>
    /// <exception cref="BrookException">The configuration or the options are not valid.</exception>
    public static BrookBuilder UseRedis(this BrookBuilder brook, string configuration, Action<RedisStoreOptions>? configure = null, RedisLayout layout = RedisLayout.Native) => brook.UseRedis(RedisConfiguration.Parse(configuration), configure, layout);

    /// <summary>As above, with StackExchange.Redis' own options: certificates, sentinels, anything.</summary>
    /// <exception cref="BrookException">The options are not valid.</exception>
    public static BrookBuilder UseRedis(this BrookBuilder brook, ConfigurationOptions configuration, Action<RedisStoreOptions>? configure = null, RedisLayout layout = RedisLayout.Native)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return brook.UseRedis(configure, layout, (_, options, time, logger) => layout == RedisLayout.Native
            ? new RedisViewStore(configuration, options, time, logger)
            : new ElixirViewStore(RedisConfiguration.Connection(configuration, options), options, time, logger));
    }

    /// <summary>Keeps the view in the Redis of a connection that the application has; it is not closed here.</summary>
    /// <exception cref="BrookException">The options are not valid.</exception>
    public static BrookBuilder UseRedis(this BrookBuilder brook, Func<IServiceProvider, IConnectionMultiplexer> connection, Action<RedisStoreOptions>? configure = null, RedisLayout layout = RedisLayout.Native)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return brook.UseRedis(configure, layout, (provider, options, time, logger) => layout == RedisLayout.Native
            ? new RedisViewStore(connection(provider), options, time, logger)
            : new ElixirViewStore(RedisConfiguration.Connection(connection(provider), options), options, time, logger));
    }

    private static BrookBuilder UseRedis(this BrookBuilder brook, Action<RedisStoreOptions>? configure, RedisLayout layout, Func<IServiceProvider, RedisStoreOptions, TimeProvider, ILogger?, IViewStore> make)
    {
        ArgumentNullException.ThrowIfNull(brook);
        var options = new RedisStoreOptions();
        configure?.Invoke(options);
        if (layout == RedisLayout.Native) options.Namespace ??= brook.Name.Length == 0 ? "brook" : brook.Name;
        options.Validate(options.Namespace, layout);
        return brook.UseStore(provider => make(provider, options, provider.GetService<TimeProvider>() ?? TimeProvider.System, provider.GetService<ILoggerFactory>()?.CreateLogger("Brook.Redis")));
    }
}
