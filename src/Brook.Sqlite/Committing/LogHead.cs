using System.Buffers.Text;

namespace Brook.Sqlite;

/// <summary>Where the log of an entry and an event type ends: its newest record, and how many there are behind it. A part of the entry's row: <c>[[type,next,first,kept,last], ...]</c>.</summary>
internal struct LogHead
{
    /// <summary>Of one as it is written.</summary>
    public const int MostBytes = 2 + (5 * 21);

    /// <summary>The number of the event type.</summary>
    public long Type;

    /// <summary>The numbers of the next record, of the first one that counts, and of the first one that is there.</summary>
    public long Next, First, Kept;

    /// <summary>The newest record's id; 0: none is there.</summary>
    public long Last;

    private long _next;                                         // while a commit is applied: the number of the one to be written

    /// <summary>Another one will come, and with it only the newest so many stay.</summary>
    public void Take(int keep) => First = Math.Max(First, ++Next - keep);

    /// <summary>The number of the one to be written, in the order of <see cref="Take"/>.</summary>
    public long Number() => _next++;

    public static LogHead[] Read(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty) return [];
        var heads = new LogHead[json.Count((byte)'[') - 1];
        var at = 1;
        foreach (ref var head in heads.AsSpan())
        {
            at++;
            head = new() { Type = Number(json, ref at), Next = Number(json, ref at), First = Number(json, ref at), Kept = Number(json, ref at), Last = Number(json, ref at) };
            head._next = head.Next;
            at++;
        }
        return heads;
    }

    /// <param name="heads">At least one.</param>
    /// <param name="room">Taken if it is enough.</param>
    public static ReadOnlySpan<byte> Write(ReadOnlySpan<LogHead> heads, Span<byte> room)
    {
        var json = room.Length >= 1 + (heads.Length * MostBytes) ? room : new byte[1 + (heads.Length * MostBytes)];
        var at = 0;
        foreach (ref readonly var head in heads)
        {
            json[at] = (byte)(at == 0 ? '[' : ',');
            json[at + 1] = (byte)'[';
            at += 2;
            Put(json, ref at, head.Type, ',');
            Put(json, ref at, head.Next, ',');
            Put(json, ref at, head.First, ',');
            Put(json, ref at, head.Kept, ',');
            Put(json, ref at, head.Last, ']');
        }
        json[at++] = (byte)']';
        return json[..at];
    }

    /// <summary>And passes over what stands behind it.</summary>
    private static long Number(ReadOnlySpan<byte> json, ref int at)
    {
        if (!Utf8Parser.TryParse(json[at..], out long number, out var length)) throw new BrookException($"Where a log ends cannot be read: '{System.Text.Encoding.UTF8.GetString(json)}' in the column log of the table entries. Brook did not write that. Restore a backup, or move the file away with its -wal and -shm and replay.");
        at += length + 1;
        return number;
    }

    private static void Put(Span<byte> json, ref int at, long number, char behind)
    {
        Utf8Formatter.TryFormat(number, json[at..], out var length);
        at += length;
        json[at++] = (byte)behind;
    }
}
