using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Brook.TestServers;

/// <summary>The least of AMQP 0-9-1: fixtures ask whether a broker answers past the client library that is tested.</summary>
internal static class AmqpGreeting
{
    private const int FrameHeader = 7;      // type, channel, size
    private static readonly byte[] s_connectionStart = [0, 10, 0, 10];

    /// <summary>What a client says first.</summary>
    public static ReadOnlyMemory<byte> Protocol { get; } = (byte[])[.. "AMQP"u8, 0, 0, 9, 1];

    /// <summary>Greets, and reads what the broker tells about itself: the payload of Connection.Start, as Latin-1.</summary>
    public static async Task<string> AskAsync(string host, int port, CancellationToken cancellationToken)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(host, port, cancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Protocol, cancellationToken);
        var header = new byte[FrameHeader];
        await stream.ReadExactlyAsync(header, cancellationToken);
        var size = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(3));
        if (header[0] != 1 || size is < 4 or > 128 * 1024) throw new IOException($"This is not an answer of RabbitMQ: {Convert.ToHexString(header)}");
        var payload = new byte[size];
        await stream.ReadExactlyAsync(payload, cancellationToken);
        return payload.AsSpan().StartsWith(s_connectionStart) ? Encoding.Latin1.GetString(payload) : throw new IOException("The broker did not answer with Connection.Start.");
    }
}
