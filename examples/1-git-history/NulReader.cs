namespace GitHistory;

/// <summary>Cuts a stream at its NUL bytes, with one buffer that holds little more than the longest piece.</summary>
public sealed class NulReader(Stream stream)
{
    private byte[] _buffer = new byte[64 * 1024];
    private int _start, _end;

    /// <summary>The next piece, without its NUL; valid until the next call. False at the end.</summary>
    /// <exception cref="EndOfStreamException">The stream ends within a piece.</exception>
    public bool TryRead(out ReadOnlySpan<byte> piece)
    {
        for (var searched = 0; ;)
        {
            var unread = _buffer.AsSpan(_start.._end);
            if (unread[searched..].IndexOf((byte)0) is var found and >= 0)
            {
                piece = unread[..(searched + found)];
                _start += piece.Length + 1;
                return true;
            }
            searched = unread.Length;
            if (Fill()) continue;
            piece = default;
            return searched == 0 ? false : throw new EndOfStreamException("git's output ends in the middle.");
        }
    }

    private bool Fill()
    {
        _buffer.AsSpan(_start.._end).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end == _buffer.Length) Array.Resize(ref _buffer, _buffer.Length * 2);
        var read = stream.Read(_buffer.AsSpan(_end));
        _end += read;
        return read > 0;
    }
}
