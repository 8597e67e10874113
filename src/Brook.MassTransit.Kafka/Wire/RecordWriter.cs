using System.Text;
using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

internal sealed class RecordWriter(KafkaSettings settings)
{
    public Message<byte[], byte[]> Write(in EventEnvelope e) => new() { Key = e.Key is null || settings.Topics is null ? null! : Encoding.UTF8.GetBytes(e.Key), Value = e.Record.ToArray() };
}
