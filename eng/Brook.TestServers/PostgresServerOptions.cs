namespace Brook.TestServers;

/// <summary>How a <see cref="PostgresServer"/> is configured.</summary>
public sealed record PostgresServerOptions
{
    /// <summary>More lines of postgresql.conf, which win over the others: "max_connections = 5". fsync is on, as it is where people run it.</summary>
    public IReadOnlyList<string> Configuration { get; init; } = [];

    /// <summary>Lines of pg_hba.conf before the one that lets everybody in from this machine: "host all app all scram-sha-256".</summary>
    public IReadOnlyList<string> Access { get; init; } = [];
}
