using System.Net;
using System.Net.Sockets;

namespace Brook.Tests.Shared;

/// <summary>The right address with something else behind it: a web server, which answers everybody that the request was bad.</summary>
internal sealed class HttpPort : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public HttpPort()
    {
        _listener.Start();
        _ = AnswerAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();

    private async Task AnswerAsync()
    {
        var asked = new byte[1024];
        while (true)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync();
                _ = await client.GetStream().ReadAsync(asked);
                await client.GetStream().WriteAsync("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
            }
            catch (IOException)
            {
                continue;       // that one has hung up already
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }
}
