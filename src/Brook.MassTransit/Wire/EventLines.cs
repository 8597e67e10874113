using Brook.Lanes;

namespace Brook.MassTransit;

/// <summary>Messages' bodies as events: one line, one event. Empty lines are none. The array is the reader's own and used again.</summary>
internal sealed class EventLines
{
    /// <summary>In one message. Senders put 500 into one; who puts millions of lines into what is small in bytes would have it grow a hundred times here.</summary>
    public const int MaxEvents = 10_000;

    private EventEnvelope[] _events = new EventEnvelope[16];
    private int _count;

    public ReadOnlyMemory<EventEnvelope> Events => _events.AsMemory(0, _count);

    /// <summary>False: the message has too many, and none of them is here.</summary>
    public bool TryAdd(ReadOnlyMemory<byte> body, string lane, Guid message, DateTimeOffset sentAt)
    {
        var (place, start) = (0, _count);
        for (var rest = body; !rest.IsEmpty;)
        {
            var end = rest.Span.IndexOf((byte)'\n');
            var line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (line.Span.Trim(" \r\t"u8).IsEmpty) continue;
            if (place == MaxEvents)
            {
                _events.AsSpan(start, _count - start).Clear();
                _count = start;
                return false;
            }
            if (_count == _events.Length) Array.Resize(ref _events, _count * 2);
            _events[_count++] = EventEnvelope.Read(line, new EventPosition(lane, place++, message), sentAt);
        }
        return true;
    }

    /// <summary>Lets go of the messages.</summary>
    public void Clear()
    {
        Array.Clear(_events, 0, _count);
        _count = 0;
        if (_events.Length > MaxEvents) _events = new EventEnvelope[16];
    }
}
