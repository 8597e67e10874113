using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>What of a record says something about its event.</summary>
/// <param name="Key">The record's key; null: it has none.</param>
/// <param name="Value">The record's value; null: a tombstone.</param>
/// <param name="Headers">The record's headers; null: none. Looked at only where the value is not Brook's own line.</param>
/// <param name="Timestamp">The record's time.</param>
internal readonly record struct KafkaRecord(byte[]? Key, byte[]? Value, Headers? Headers, DateTimeOffset Timestamp)
{
    /// <summary>The record's time; 1970 where it has none.</summary>
    public static DateTimeOffset TimeOf(Timestamp timestamp)
        => DateTimeOffset.FromUnixTimeMilliseconds(timestamp.Type == TimestampType.NotAvailable ? 0 : Math.Clamp(timestamp.UnixTimestampMs, 0, 253_402_300_799_999));
}
