using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Brook;

/// <summary>Ids of events whose callers set none: version 7 UUIDs (RFC 9562), in the order of time. The random bits come from the system's generator, a few kB at a time: asking it for each id was a tenth of a send.</summary>
internal static class EventIds
{
    private const int RandomBytes = 10;
    [ThreadStatic] private static byte[]? s_random;
    [ThreadStatic] private static int s_used;

    public static Guid New(DateTimeOffset now)
    {
        var random = s_random ??= NewBuffer();
        if (s_used + RandomBytes > random.Length)
        {
            RandomNumberGenerator.Fill(random);
            s_used = 0;
        }
        Span<byte> id = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(id, now.ToUnixTimeMilliseconds() << 16);
        random.AsSpan(s_used, RandomBytes).CopyTo(id[6..]);
        random.AsSpan(s_used, RandomBytes).Clear();             // never used twice, nor left to be read
        s_used += RandomBytes;
        id[6] = (byte)((id[6] & 0x0f) | 0x70);
        id[8] = (byte)((id[8] & 0x3f) | 0x80);
        return new Guid(id, bigEndian: true);
    }

    private static byte[] NewBuffer()
    {
        s_used = int.MaxValue - RandomBytes;                    // nothing in it yet
        return new byte[4000];
    }
}
