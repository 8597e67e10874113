namespace Brook.Tests.PropertyTests;

/// <summary>Bytes changed at random: flipped, overwritten, left out, put in, doubled, cut off, joined with others'.</summary>
internal sealed class Mutations(Random random)
{
    private static readonly byte[][] s_pieces =
    [
        "\""u8.ToArray(), "{"u8.ToArray(), "}"u8.ToArray(), "["u8.ToArray(), "\\"u8.ToArray(), "\\ud800"u8.ToArray(), "null"u8.ToArray(), "1e400"u8.ToArray(), "-1"u8.ToArray(), "\0"u8.ToArray(), [0xff], [0xc3], [0xef, 0xbb, 0xbf],
        ",\"key\":\"\""u8.ToArray(), "\"type\":"u8.ToArray(), "\"data\":"u8.ToArray(), "\r"u8.ToArray(), "99999999999999999999"u8.ToArray(), "\u2028"u8.ToArray(), [.. Enumerable.Repeat((byte)'[', 2000)], [.. Enumerable.Repeat((byte)'x', 3000)],
    ];

    /// <summary>Another array, changed in one to four places.</summary>
    public byte[] Of(byte[] valid, byte[] other)
    {
        var bytes = valid.ToList();
        for (var changes = random.Next(1, 5); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(7))
            {
                case 0 when at < bytes.Count: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1 when at < bytes.Count: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at)); break;
                case 3: bytes.InsertRange(at, s_pieces[random.Next(s_pieces.Length)]); break;
                case 4: bytes.InsertRange(at, [.. bytes.Skip(random.Next(bytes.Count + 1)).Take(random.Next(60))]); break;
                case 5: bytes.RemoveRange(at, bytes.Count - at); break;
                default: bytes.InsertRange(at, other.Skip(random.Next(other.Length))); break;
            }
        }
        return [.. bytes];
    }
}
