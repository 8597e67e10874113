using Npgsql;

namespace Brook.Postgres;

internal static class PostgresConfiguration
{
    /// <summary>What a text says, and otherwise what suits a service that goes on by itself.</summary>
    /// <exception cref="BrookException">It cannot be read.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string connectionString, string schema)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionString);
        try
        {
            var parsed = new NpgsqlConnectionStringBuilder(connectionString);
            if (string.IsNullOrWhiteSpace(parsed.Host)) throw new ArgumentException("It names no host.");
            parsed.ApplicationName ??= $"brook-{schema}";
            if (parsed.Host.Contains(',', StringComparison.Ordinal)) parsed.TargetSessionAttributes ??= "primary";        // after a failover: the one that takes writes
            return parsed;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException)
        {
            // Npgsql's texts can have a part of the string in them.
            throw new BrookException($"The PostgreSQL connection string cannot be read{(e.Message.StartsWith("Couldn't set ", StringComparison.Ordinal) || e.Message.StartsWith("It names", StringComparison.Ordinal) ? $" ({e.Message.TrimEnd('.')})" : "")}. It looks like this: Host=localhost;Username=app;Password=...;Database=shop");
        }
    }

    /// <summary>A pool of our own.</summary>
    public static PostgresConnection Connection(string connectionString, PostgresStoreOptions? options)
    {
        var parsed = Parse(connectionString, options?.Schema ?? PostgresStoreOptions.DefaultSchema);
        return new(new NpgsqlDataSourceBuilder(parsed.ConnectionString).Build(), owned: true, EndpointOf(parsed));
    }

    public static PostgresConnection Connection(NpgsqlDataSource dataSource)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        return new(dataSource, owned: false, EndpointOf(new(dataSource.ConnectionString)));
    }

    private static string EndpointOf(NpgsqlConnectionStringBuilder parsed) => string.Join(", ", (parsed.Host ?? "").Split(',').Select(host => host.Contains(':', StringComparison.Ordinal) ? host : $"{host}:{parsed.Port}"));
}
