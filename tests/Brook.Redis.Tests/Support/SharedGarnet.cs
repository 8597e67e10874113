using System.Globalization;
using Brook.Redis.Tests.Support;
using Brook.TestServers;
using Garnet;

[assembly: AssemblyFixture(typeof(SharedGarnet))]

namespace Brook.Redis.Tests.Support;

/// <summary>Microsoft.Garnet in this process: another server that speaks the protocol.</summary>
public sealed class SharedGarnet : IDisposable
{
    private readonly Lazy<(GarnetServer Server, int Port)> _server = new(Start);

    public string ConnectionString => $"127.0.0.1:{_server.Value.Port.ToString(CultureInfo.InvariantCulture)}";

    private static (GarnetServer, int) Start()
    {
        var port = FreePort.Next();
        // Without the transaction mode a script is not isolated; with it, for the keys it declares.
        var server = new GarnetServer(["--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--lua", "--lua-transaction-mode", "-q", "--logger-level", "None", "--memory", "128m", "--page", "4m", "--index", "4m"]);
        server.Start();
        return (server, port);
    }

    public void Dispose()
    {
        if (_server.IsValueCreated) _server.Value.Server.Dispose();
    }
}
