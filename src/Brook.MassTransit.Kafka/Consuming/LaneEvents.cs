using Brook.Lanes;

namespace Brook.MassTransit.Kafka;

/// <summary>A lane's records as events. The array is its own and used again.</summary>
internal sealed class LaneEvents(LaneParts parts, string lane, string topic, int most)
{
    private readonly RecordFormat _format = parts.FormatOf(topic);
    private readonly EventEnvelope[] _events = new EventEnvelope[most];
    private bool _saidTombstone;

    public ReadOnlyMemory<EventEnvelope> Of(ReadOnlySpan<KafkaRecord> records)
    {
        var count = 0;
        foreach (ref readonly var record in records)
        {
            if (RecordReader.TryRead(in record, _format, new EventPosition(lane, record.Offset), out _events[count])) count++;
            else Tombstone();
        }
        return _events.AsMemory(0, count);
    }

    /// <summary>Lets go of the records.</summary>
    public void Clear() => Array.Clear(_events);

    private void Tombstone()
    {
        Telemetry.Tombstone(parts.Instance);
        if (_saidTombstone) return;
        _saidTombstone = true;
        Log.Tombstone(parts.Logger, parts.Instance, lane);
    }
}
