using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>A lane's records as events. The array is its own and used again.</summary>
internal sealed class LaneEvents(LaneParts parts, string lane, string topic, int most)
{
    private readonly RecordFormat _format = parts.FormatOf(topic);
    private readonly EventEnvelope[] _events = new EventEnvelope[most];
    private bool _saidTombstone;

    public ReadOnlyMemory<EventEnvelope> Of(IReadOnlyList<ConsumeResult<byte[], byte[]>> records, int start, int end)
    {
        var count = 0;
        for (var i = start; i < end; i++)
        {
            var (message, offset) = (records[i].Message, records[i].Offset.Value);
            var record = new KafkaRecord(message.Key, message.Value, message.Headers, KafkaRecord.TimeOf(message.Timestamp));
            if (RecordReader.TryRead(in record, _format, new EventPosition(lane, offset), out _events[count])) count++;
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
