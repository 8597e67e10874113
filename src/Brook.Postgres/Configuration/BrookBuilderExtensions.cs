using Brook.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Brook;

/// <summary>Keeps an instance's view in PostgreSQL.</summary>
public static class PostgresBrookBuilderExtensions
{
    /// <summary>Keeps the view in the database that <paramref name="connectionString"/> names, with a pool of its own. A server that is away is waited for.</summary>
    /// <param name="brook">The instance.</param>
    /// <param name="connectionString">As Npgsql has it: <c>Host=localhost;Username=app;Password=...;Database=shop</c>.</param>
    /// <param name="configure">Changes the store's options.</param>
    /// <exception cref="BrookException">The connection string or the options are not valid.</exception>
    public static BrookBuilder UsePostgres(this BrookBuilder brook, string connectionString, Action<PostgresStoreOptions>? configure = null)
    {
        PostgresConfiguration.Parse(connectionString, PostgresStoreOptions.DefaultSchema);
        return brook.UsePostgres(configure, (_, options, time, logger) => new PostgresViewStore(connectionString, options, time, logger));
    }

    /// <summary>Keeps the view in the database of a data source that the application has; it is not disposed of here.</summary>
    /// <exception cref="BrookException">The options are not valid.</exception>
    public static BrookBuilder UsePostgres(this BrookBuilder brook, NpgsqlDataSource dataSource, Action<PostgresStoreOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        return brook.UsePostgres(_ => dataSource, configure);
    }

    /// <summary>As above, with one that the container has.</summary>
    /// <exception cref="BrookException">The options are not valid.</exception>
    public static BrookBuilder UsePostgres(this BrookBuilder brook, Func<IServiceProvider, NpgsqlDataSource> dataSource, Action<PostgresStoreOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        return brook.UsePostgres(configure, (provider, options, time, logger) => new PostgresViewStore(dataSource(provider), options, time, logger));
    }

    private static BrookBuilder UsePostgres(this BrookBuilder brook, Action<PostgresStoreOptions>? configure, Func<IServiceProvider, PostgresStoreOptions, TimeProvider, ILogger?, PostgresViewStore> make)
    {
        ArgumentNullException.ThrowIfNull(brook);
        var options = new PostgresStoreOptions();
        configure?.Invoke(options);
        options.Schema ??= brook.Name.Length == 0 ? PostgresStoreOptions.DefaultSchema : brook.Name;
        PostgresStoreOptions.Validate(options.Schema, options.Values, options.SweepInterval);
        return brook.UseStore(provider => make(provider, options, provider.GetService<TimeProvider>() ?? TimeProvider.System, provider.GetService<ILoggerFactory>()?.CreateLogger("Brook.Postgres")));
    }
}
