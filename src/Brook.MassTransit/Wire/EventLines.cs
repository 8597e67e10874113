using Brook.Lanes;

namespace Brook.MassTransit;

/// <summary>A message's body as events: one line, one event. Empty lines are none. The array is the reader's own and used again.</summary>
internal sealed class EventLines
{
    private EventEnvelope[] _events = new EventEnvelope[16];

    public ReadOnlyMemory<EventEnvelope> Read(ReadOnlyMemory<byte> body, string lane, Guid message, DateTimeOffset sentAt)
    {
        var count = 0;
        for (var rest = body; !rest.IsEmpty;)
        {
            var end = rest.Span.IndexOf((byte)'\n');
            var line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (line.Span.Trim(" \r\t"u8).IsEmpty) continue;
            if (count == _events.Length) Array.Resize(ref _events, count * 2);
            _events[count] = EventEnvelope.Read(line, new EventPosition(lane, count, message), sentAt);
            count++;
        }
        return _events.AsMemory(0, count);
    }

    /// <summary>Lets go of the message.</summary>
    public void Clear() => Array.Clear(_events);
}
