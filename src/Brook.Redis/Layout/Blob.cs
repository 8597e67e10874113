using System.Buffers.Binary;
using System.Globalization;
using Brook.Storage;

namespace Brook.Redis;

/// <summary>What a field of an entries hash holds: version (8 bytes), format (1 byte), the end in Unix milliseconds (15 digits, only in format 17), value.</summary>
internal static class Blob
{
    public const int Head = 9, EndDigits = 15;
    private const byte Lasting = 16, Ending = 17;

    public static int SizeOf(in CommitEntry entry) => Head + (entry.ExpiresAt is null ? 0 : EndDigits) + entry.Value.Length;

    public static void Write(in CommitEntry entry, long version, Span<byte> to)
    {
        WriteVersion(version, to);
        if (entry.ExpiresAt is { } end)
        {
            to[8] = Ending;
            Math.Max(0, end.ToUnixTimeMilliseconds()).TryFormat(to[Head..], out _, "D15", CultureInfo.InvariantCulture);
            to = to[EndDigits..];
        }
        entry.Value.Span.CopyTo(to[Head..]);
    }

    /// <summary>As a value without an end begins: what the script compares first.</summary>
    public static void WriteVersion(long version, Span<byte> to)
    {
        BinaryPrimitives.WriteInt64BigEndian(to, version);
        to[8] = Lasting;
    }

    /// <summary>Missing when there is nothing, or it has ended.</summary>
    /// <exception cref="BrookException">It is not what this store writes.</exception>
    public static StoredEntry Read(ReadOnlyMemory<byte> blob, DateTimeOffset now, EntryKey key)
    {
        if (blob.IsEmpty) return default;
        var bytes = blob.Span;
        if (bytes.Length < Head || BinaryPrimitives.ReadInt64BigEndian(bytes) is var version && version == 0) throw Foreign(key, $"{bytes.Length} bytes");
        if (bytes[8] == Lasting) return new(version, blob[Head..]);
        if (bytes[8] != Ending || bytes.Length < Head + EndDigits || !long.TryParse(bytes.Slice(Head, EndDigits), NumberStyles.None, CultureInfo.InvariantCulture, out var end) || end > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
            throw Foreign(key, $"format {bytes[8]}");
        var ends = DateTimeOffset.FromUnixTimeMilliseconds(end);
        return ends <= now ? default : new(version, blob[(Head + EndDigits)..], ends);
    }

    public static BrookException Foreign(EntryKey key, string what)
        => new($"What Redis holds for {key} was not written by this version of Brook ({what}). Another program wrote into the namespace, or a newer Brook did: use another namespace, or update this application. Delete the entry to go on without it.");
}
