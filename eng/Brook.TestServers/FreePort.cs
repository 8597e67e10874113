using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Brook.TestServers;

/// <summary>Loopback ports that nobody listens on.</summary>
public static class FreePort
{
    // Below the range that Linux gives to outgoing connections: while a server is away for a restart nobody is given its port, and no client
    // that tries to reconnect is connected to itself.
    private const int From = 10_000, To = 32_000;
    private static readonly ConcurrentDictionary<int, bool> s_given = [];

    /// <summary>A port that is free now and is given to nobody else in this process. Another process may still be faster: be ready to take another one.</summary>
    public static int Next()
    {
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var port = Random.Shared.Next(From, To);
            if (s_given.TryAdd(port, true) && IsFree(port)) return port;
        }
        throw new InvalidOperationException($"Of 1000 ports between {From} and {To} none was free.");
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try { listener.Start(); }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied) { return false; }
        return true;
    }
}
