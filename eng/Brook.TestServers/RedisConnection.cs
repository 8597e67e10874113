using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Brook.TestServers;

/// <summary>An error that Redis answered.</summary>
public sealed class RedisErrorException(string message) : Exception(message);

/// <summary>The least of a client (RESP2): fixtures and tests ask the server past the client library that is tested.</summary>
internal sealed class RedisConnection : IDisposable
{
    private readonly TcpClient _client;
    private readonly BufferedStream _stream;

    private RedisConnection(TcpClient client) => (_client, _stream) = (client, new(client.GetStream()));

    public static async Task<RedisConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        var client = new TcpClient { NoDelay = true };
        try { await client.ConnectAsync(host, port, cancellationToken); }
        catch { client.Dispose(); throw; }
        return new(client);
    }

    public async Task<object?> CommandAsync(string[] args, CancellationToken cancellationToken)
    {
        var request = new StringBuilder().Append(CultureInfo.InvariantCulture, $"*{args.Length}\r\n");
        foreach (var arg in args) request.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(arg)}\r\n{arg}\r\n");
        await _client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(request.ToString()), cancellationToken);
        return await ReadAsync(cancellationToken) switch { RedisErrorException e => throw e, var reply => reply };
    }

    private async Task<object?> ReadAsync(CancellationToken cancellationToken)
    {
        var line = await ReadLineAsync(cancellationToken);
        switch (line[0])
        {
            case '+': return line[1..];
            case '-': return new RedisErrorException(line[1..]);
            case ':': return long.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
            case '$' when line == "$-1": case '*' when line == "*-1": return null;
            case '$':
                var bytes = new byte[int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture) + 2];
                await _stream.ReadExactlyAsync(bytes, cancellationToken);
                return Encoding.UTF8.GetString(bytes, 0, bytes.Length - 2);
            case '*':
                var items = new object?[int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture)];
                for (var i = 0; i < items.Length; i++) items[i] = await ReadAsync(cancellationToken);
                return items;
            default: throw new IOException($"This is not an answer of Redis: {line}");
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new List<byte>();
        var next = new byte[1];
        while (line is not [.., (byte)'\r', (byte)'\n'])
        {
            await _stream.ReadExactlyAsync(next, cancellationToken);
            line.Add(next[0]);
        }
        return line.Count > 2 ? Encoding.UTF8.GetString([.. line.SkipLast(2)]) : throw new IOException("Redis answered an empty line.");
    }

    public void Dispose()
    {
        _stream.Dispose();
        _client.Dispose();
    }
}
