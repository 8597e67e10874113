using System.Runtime.InteropServices;

namespace Brook.MassTransit.Kafka;

/// <summary>The few functions of the native client that Confluent.Kafka has no way to. Signatures as in its rdkafka.h; the library is the one that Confluent.Kafka uses (<see cref="NativeClient"/>).</summary>
internal static unsafe partial class Librdkafka
{
    private const string Name = "librdkafka";

    /// <summary>2.13.2: before it, taking many moved the place of a partition past its end when its end was among them, and the next record was missed after a pause.</summary>
    public const int FirstSound = 0x020d02ff;

    /// <summary>rd_kafka_message_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct Message
    {
        public readonly int Error;
        public readonly nint Topic;
        public readonly int Partition;
        public readonly byte* Value;        // of an error: its text
        public readonly nuint ValueLength;
        public readonly byte* Key;
        public readonly nuint KeyLength;
        public readonly long Offset;
        private readonly nint _private;

        /// <summary>Null: the record has none.</summary>
        public ReadOnlySpan<byte> ValueBytes => new(Value, checked((int)ValueLength));

        public ReadOnlySpan<byte> KeyBytes => new(Key, checked((int)KeyLength));
    }

    [LibraryImport(Name, EntryPoint = "rd_kafka_version")]
    public static partial int Version();

    /// <summary>The queue that everything for the consumer comes through, its callbacks too. To be destroyed before the client is.</summary>
    [LibraryImport(Name, EntryPoint = "rd_kafka_queue_get_consumer")]
    public static partial nint ConsumerQueue(SafeHandle client);

    [LibraryImport(Name, EntryPoint = "rd_kafka_queue_destroy")]
    public static partial void DestroyQueue(nint queue);

    /// <summary>Takes what is in the queue, and runs callbacks that are.</summary>
    /// <returns>How many messages there are; below 0: it failed.</returns>
    [LibraryImport(Name, EntryPoint = "rd_kafka_consume_batch_queue")]
    public static partial nint ConsumeBatch(nint queue, int timeoutMilliseconds, Message** messages, nuint size);

    [LibraryImport(Name, EntryPoint = "rd_kafka_message_destroy")]
    public static partial void DestroyMessage(Message* message);

    [LibraryImport(Name, EntryPoint = "rd_kafka_message_timestamp")]
    public static partial long Timestamp(Message* message, out int kind);

    /// <summary>0, or an error: it has none.</summary>
    [LibraryImport(Name, EntryPoint = "rd_kafka_message_headers")]
    public static partial int Headers(Message* message, out nint headers);

    /// <summary>0, or an error: there is none of that number.</summary>
    [LibraryImport(Name, EntryPoint = "rd_kafka_header_get_all")]
    public static partial int Header(nint headers, nuint index, out nint name, out byte* value, out nuint length);

    [LibraryImport(Name, EntryPoint = "rd_kafka_topic_name")]
    public static partial nint TopicName(nint topic);
}
