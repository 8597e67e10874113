using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

internal static class RecordReader
{
    public static bool TryRead(Message<byte[], byte[]> record, EventPosition position, KafkaTopic topic, out EventEnvelope envelope)
    {
        envelope = default;
        if (record.Value is null) return false;
        envelope = EventEnvelope.Read(record.Value, position, record.Timestamp.UtcDateTime);
        return true;
    }
}
