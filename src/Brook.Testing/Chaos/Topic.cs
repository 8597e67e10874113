using System.Globalization;
using Brook.Lanes;

namespace Brook.Testing;

/// <summary>What one lane reads: its events in order, which of them were acknowledged, and in which messages they came.</summary>
internal sealed class Topic(int lane, LaneGuard guard)
{
    private readonly List<ChaosEvent> _events = [];
    private readonly List<(Guid Id, int First, int Count)> _messages = [];
    private int _cut, _acknowledged;            // events that are in messages; messages that were acknowledged

    public void Send(ChaosEvent e) => _events.Add(e);

    /// <summary>Up to <paramref name="count"/> events that were not acknowledged, behind what came <paramref name="back"/> messages or events before. A message stays as it was cut.</summary>
    public EventEnvelope[] Next(long nextOffset, int count, int back)
    {
        if (guard == LaneGuard.Offsets)
        {
            var first = (int)Math.Max(0, nextOffset - back);
            return [.. _events.Take((int)Math.Min(_events.Count, nextOffset + count)).Skip(first).Select((e, i) => Envelope(e, new(ChaosNode.LaneName(lane), first + i)))];
        }
        if (count > 0 && _acknowledged == _messages.Count && _cut < _events.Count)
        {
            _messages.Add((new Guid(lane + 1, 0x4d, (short)_messages.Count, new byte[8]), _cut, Math.Min(count, _events.Count - _cut)));
            _cut += _messages[^1].Count;
        }
        return [.. Message(back > 0 ? Math.Max(0, _acknowledged - back) : -1), .. Message(count > 0 ? _acknowledged : -1)];
    }

    public void Acknowledge(EventEnvelope[] batch)
    {
        foreach (var e in batch) _acknowledged = Math.Max(_acknowledged, _messages.FindIndex(message => message.Id == e.Position.MessageId) + 1);
    }

    /// <summary>The numbers of the events, for people.</summary>
    public string Show(EventEnvelope[] batch) => string.Join(' ', batch.Select(e => Number(e.Position).ToString(CultureInfo.InvariantCulture)));

    private int Number(EventPosition position) => _events[(int)position.Offset + (guard == LaneGuard.Offsets ? 0 : _messages.Find(message => message.Id == position.MessageId).First)].Number;

    private IEnumerable<EventEnvelope> Message(int index)
    {
        if (index < 0 || index >= _messages.Count) return [];
        var (id, first, count) = _messages[index];
        return _events.GetRange(first, count).Select((e, i) => Envelope(e, new(ChaosNode.LaneName(lane), i, id)));
    }

    private static EventEnvelope Envelope(ChaosEvent e, EventPosition position) => EventEnvelope.Read(e.Record, position, DateTimeOffset.UnixEpoch);
}
