using Brook.Postgres.Tests.Support;
using Brook.TestServers;
using Npgsql;

[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace Brook.Postgres.Tests.Support;

/// <summary>One server for the tests that do it no harm; each takes a schema of its own.</summary>
public sealed class SharedPostgres : IAsyncLifetime
{
    private static int s_schemas;
    private static SharedPostgres? s_current;
    private PostgresServer? _server;
    private NpgsqlDataSource? _source;

    /// <summary>For tests that are compiled here and know nothing of PostgreSQL.</summary>
    public static SharedPostgres Current => s_current!;

    public PostgresServer Server
    {
        get
        {
            Assert.SkipWhen(_server is null, Servers.SkipReason(PostgresServer.WhyNot) ?? "");
            return _server!;
        }
    }

    /// <summary>A pool that all have together.</summary>
    public NpgsqlDataSource Source
    {
        get
        {
            _ = Server;
            return _source!;
        }
    }

    /// <summary>An empty view, unless the schema is used already.</summary>
    public PostgresViewStore OpenShared(TimeProvider? time = null, string? schema = null, PostgresValues values = PostgresValues.Text)
        => new(Source, new PostgresStoreOptions { Schema = schema ?? NewSchema(), Values = values }, time);

    public static string NewSchema() => $"test{Interlocked.Increment(ref s_schemas)}";

    public async ValueTask InitializeAsync()
    {
        s_current = this;
        if (!PostgresServer.IsInstalled) return;
        _server = await PostgresServer.StartAsync(new() { Configuration = ["max_connections = 60", "max_locks_per_transaction = 512"] });
        _source = NpgsqlDataSource.Create($"{_server.ConnectionString};Maximum Pool Size=40;Timeout=60");
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null) await _source.DisposeAsync();
        if (_server is not null) await _server.DisposeAsync();
    }
}
