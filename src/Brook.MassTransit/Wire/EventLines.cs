using Brook.Lanes;

namespace Brook.MassTransit;

/// <summary>Messages' bodies as events: one line, one event. Empty lines are none. The array is the reader's own and used again.</summary>
internal sealed class EventLines
{
    private EventEnvelope[] _events = new EventEnvelope[16];
    private int _count;

    public ReadOnlyMemory<EventEnvelope> Events => _events.AsMemory(0, _count);

    public void Add(ReadOnlyMemory<byte> body, string lane, Guid message, DateTimeOffset sentAt)
    {
        var place = 0;
        for (var rest = body; !rest.IsEmpty;)
        {
            var end = rest.Span.IndexOf((byte)'\n');
            var line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (line.Span.Trim(" \r\t"u8).IsEmpty) continue;
            if (_count == _events.Length) Array.Resize(ref _events, _count * 2);
            _events[_count++] = EventEnvelope.Read(line, new EventPosition(lane, place++, message), sentAt);
        }
    }

    /// <summary>Lets go of the messages.</summary>
    public void Clear()
    {
        Array.Clear(_events, 0, _count);
        _count = 0;
    }
}
