using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>What of a record says something about its event.</summary>
/// <param name="Key">The record's key; null: it has none.</param>
/// <param name="Value">The record's value; null: a tombstone.</param>
/// <param name="Headers">The record's headers; null: none. Looked at only where the value is not Brook's own line.</param>
/// <param name="Timestamp">The record's time.</param>
/// <param name="Offset">Where it stands in its partition.</param>
internal readonly record struct KafkaRecord(ReadOnlyMemory<byte>? Key, ReadOnlyMemory<byte>? Value, Headers? Headers, DateTimeOffset Timestamp, long Offset = 0)
{
    /// <summary>As Confluent.Kafka has it.</summary>
    public static KafkaRecord Of(ConsumeResult<byte[], byte[]> record)
        => new(Bytes(record.Message.Key), Bytes(record.Message.Value), record.Message.Headers, TimeOf(record.Message.Timestamp), record.Offset.Value);

    /// <summary>Null stays null.</summary>
    public static ReadOnlyMemory<byte>? Bytes(byte[]? bytes) => bytes is null ? default(ReadOnlyMemory<byte>?) : bytes;

    /// <summary>The record's time; 1970 where it has none.</summary>
    public static DateTimeOffset TimeOf(Timestamp timestamp)
        => DateTimeOffset.FromUnixTimeMilliseconds(timestamp.Type == TimestampType.NotAvailable ? 0 : Math.Clamp(timestamp.UnixTimestampMs, 0, 253_402_300_799_999));
}
