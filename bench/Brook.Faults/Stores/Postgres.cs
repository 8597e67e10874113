using Brook.Postgres;
using Brook.Storage;
using Brook.TestServers;

namespace Brook.Faults;

/// <summary>PostgreSQL as it comes: each commit is flushed.</summary>
internal sealed class Postgres : Store
{
    public override string Name => "postgres";

    public override string? WhyNot => PostgresServer.WhyNot;

    public override async Task<StoreHost> StartAsync(Needs needs, CancellationToken cancellationToken) => new PostgresHost(await PostgresServer.StartAsync(cancellationToken: cancellationToken), needs.Proxy);

    /// <summary>Npgsql counts in seconds: so a call has failed after two.</summary>
    public override IViewStore Open(string place, int timeout = 500) => new PostgresViewStore($"{place};Timeout=5;Command Timeout={Math.Max(2, timeout / 1000)};Cancellation Timeout=200;Maximum Pool Size=12;Minimum Pool Size=0", new PostgresStoreOptions { Schema = "faults" });
}

internal sealed class PostgresHost(PostgresServer server, bool proxy) : StoreHost
{
    public PostgresServer Server => server;

    public TcpProxy? Proxy { get; } = proxy ? TcpProxy.Start(server.Host, server.Port) : null;

    public override string Place => Proxy is null ? Direct : $"Host={Proxy.Host};Port={Proxy.Port};Username=postgres;Database=postgres";

    public override string Direct => server.ConnectionString;

    public override async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        await server.DisposeAsync();
    }
}
