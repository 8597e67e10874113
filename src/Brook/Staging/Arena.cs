using System.Buffers;

namespace Brook;

/// <summary>Bytes of one commit: written one value at a time, sliced, all given back together.</summary>
internal sealed class Arena : IBufferWriter<byte>
{
    private const int ChunkSize = 64 * 1024;
    private readonly List<byte[]> _full = [];
    private byte[] _chunk = new byte[ChunkSize];
    private int _start, _end;

    public void Reset()
    {
        foreach (var chunk in _full) ArrayPool<byte>.Shared.Return(chunk);
        _full.Clear();
        _start = _end = 0;
        if (_chunk.Length > 16 * ChunkSize) _chunk = new byte[ChunkSize];      // one huge value is not kept for ever
    }

    /// <summary>Begins a value; what a failed one left behind is written over.</summary>
    public void Begin() => _end = _start;

    public ReadOnlyMemory<byte> End()
    {
        var value = _chunk.AsMemory(_start, _end - _start);
        _start = _end;
        return value;
    }

    public void Advance(int count) => _end += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 256));
        return _chunk.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 256));
        return _chunk.AsSpan(_end);
    }

    private void Ensure(int size)
    {
        if (_chunk.Length - _end >= size) return;
        var written = _end - _start;
        var bigger = ArrayPool<byte>.Shared.Rent(Math.Max(_chunk.Length, 2 * (written + size)));
        _chunk.AsSpan(_start, written).CopyTo(bigger);
        _full.Add(_chunk);
        (_chunk, _start, _end) = (bigger, 0, written);
    }
}
