using System.Buffers.Binary;

namespace Brook.Storage;

/// <summary>The log of one entry and event type in memory: records one behind the other in one array, each with its number and length in front. Dropping the oldest moves a mark.</summary>
internal sealed class EntryLog(string type)
{
    private const int Head = 12;
    private byte[] _bytes = [];
    private int _start, _end, _count;

    public string Type => type;

    public void Append(long number, ReadOnlySpan<byte> record, int keep)
    {
        for (; _count >= keep; _count--) _start += Head + LengthAt(_start);
        MakeRoom(Head + record.Length);
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(_end), number);
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(_end + 8), record.Length);
        record.CopyTo(_bytes.AsSpan(_end + Head));
        (_end, _count) = (_end + Head + record.Length, _count + 1);
    }

    public IEnumerable<(long Number, ReadOnlyMemory<byte> Record)> Read()
    {
        for (var at = _start; at < _end; at += Head + LengthAt(at))
            yield return (BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(at)), _bytes.AsSpan(at + Head, LengthAt(at)).ToArray());
    }

    private int LengthAt(int at) => BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(at + 8));

    private void MakeRoom(int size)
    {
        var used = _end - _start;
        if (_bytes.Length - _end >= size) return;
        var room = used + size <= _bytes.Length - (_bytes.Length / 4) ? _bytes : new byte[_bytes.Length == 0 ? size : Math.Max(_bytes.Length * 2, used + size)];
        _bytes.AsSpan(_start, used).CopyTo(room);
        (_bytes, _start, _end) = (room, 0, used);
    }
}
