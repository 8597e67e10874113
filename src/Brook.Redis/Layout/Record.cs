using System.Buffers.Binary;
using System.Text;
using Brook.Storage;

namespace Brook.Redis;

/// <summary>An element of a log's list: length of the type (2 bytes), how many of the type may stay (4 bytes), type, event. A first element beginning with 255 255 is the mark of commit.lua.</summary>
internal static class Record
{
    private const int Head = 6;

    public static int SizeOf(in CommitAppend append) => Head + Encoding.UTF8.GetByteCount(append.Type) + append.Record.Length;

    public static void Write(in CommitAppend append, Span<byte> to)
    {
        var length = Encoding.UTF8.GetBytes(append.Type, to[Head..]);
        if (length >= ushort.MaxValue) throw new BrookException($"An event type of {length:N0} bytes cannot be logged; the limit is {ushort.MaxValue - 1:N0}. Use a shorter name.");
        BinaryPrimitives.WriteUInt16BigEndian(to, (ushort)length);
        BinaryPrimitives.WriteInt32BigEndian(to[2..], append.Keep);
        append.Record.Span.CopyTo(to[(Head + length)..]);
    }

    public static bool IsMark(ReadOnlySpan<byte> element) => element is [255, 255, ..];

    /// <summary>The events that the limits leave, oldest first: the script drops the others later, many at a time.</summary>
    /// <exception cref="BrookException">An element is not what this store writes.</exception>
    public static List<ReadOnlyMemory<byte>> Read(IReadOnlyList<ReadOnlyMemory<byte>> elements, EntryKey entry, string? type)
    {
        var events = new List<ReadOnlyMemory<byte>>(elements.Count);
        var room = new Dictionary<string, int>();
        var wanted = type is null ? null : Encoding.UTF8.GetBytes(type);
        for (var i = elements.Count - 1; i >= 0; i--)
        {
            var bytes = elements[i].Span;
            if (IsMark(bytes)) continue;
            if (bytes.Length < Head || bytes.Length < Head + BinaryPrimitives.ReadUInt16BigEndian(bytes)) throw Blob.Foreign(entry, $"an element of its log with {bytes.Length} bytes");
            var name = bytes.Slice(Head, BinaryPrimitives.ReadUInt16BigEndian(bytes));
            if (wanted is not null && !name.SequenceEqual(wanted)) continue;
            var of = Encoding.UTF8.GetString(name);
            var left = Math.Min(BinaryPrimitives.ReadInt32BigEndian(bytes[2..]), room.GetValueOrDefault(of, int.MaxValue)) - 1;
            room[of] = left;
            if (left >= 0) events.Add(elements[i][(Head + name.Length)..]);
        }
        events.Reverse();
        return events;
    }
}
