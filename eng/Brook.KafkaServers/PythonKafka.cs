using System.Diagnostics;
using System.Text.Json;
using Brook.TestServers;

namespace Brook.KafkaServers;

/// <summary>Debian's confluent_kafka for Python, for what others than .NET write and read.</summary>
public static class PythonKafka
{
    // Debian's own: a Python that comes first on PATH does not have its packages.
    private const string Executable = "/usr/bin/python3";
    private const string Produce = """
        import json, sys
        from confluent_kafka import Producer
        failed = []
        producer = Producer({"bootstrap.servers": sys.argv[1]})
        for line in sys.stdin:
            message = json.loads(line)
            producer.produce(sys.argv[2], key=message["Key"], value=message["Value"], headers=message["Headers"], on_delivery=lambda error, _: failed.append(error) if error else None)
        if producer.flush(20) or failed: sys.exit("not delivered: %s" % failed)
        """;
    private const string Consume = """
        import json, sys, time
        from confluent_kafka import Consumer, TopicPartition, OFFSET_BEGINNING
        servers, topic, count, ends = sys.argv[1], sys.argv[2], int(sys.argv[3]), time.time() + 20
        text = lambda value: None if value is None else value.decode()
        consumer = Consumer({"bootstrap.servers": servers, "group.id": "none", "enable.auto.commit": False, "fetch.wait.max.ms": 10})
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in consumer.list_topics(topic, 10).topics[topic].partitions])
        while count:
            message = consumer.poll(0.1)
            if time.time() > ends: sys.exit("%d messages more were expected" % count)
            if message is None: continue
            if message.error(): sys.exit(str(message.error()))
            headers = None if message.headers() is None else {name: text(value) for name, value in message.headers()}
            print(json.dumps({"Key": text(message.key()), "Value": text(message.value()), "Headers": headers}))
            count -= 1
        """;
    private static readonly Lazy<string?> s_whyNot = new(() => CanImport() ? null : "confluent_kafka for Python is not installed: apt-get install python3-confluent-kafka");

    /// <summary>Null when Python has confluent_kafka; otherwise what is missing. For <see cref="Servers.SkipReason(string?)"/>.</summary>
    public static string? WhyNot => s_whyNot.Value;

    /// <summary>Writes messages, in this order.</summary>
    /// <exception cref="InvalidOperationException">It failed: with what it wrote.</exception>
    public static Task ProduceAsync(string bootstrapServers, string topic, IEnumerable<KafkaMessage> messages, CancellationToken cancellationToken = default)
        => Tool.RunAsync(Executable, ["-c", Produce, bootstrapServers, topic], string.Concat(messages.Select(message => $"{JsonSerializer.Serialize(message)}\n")), cancellationToken);

    /// <summary>Reads the first messages of a topic; waits for them.</summary>
    /// <exception cref="InvalidOperationException">There were fewer within 20 s, or it failed: with what it wrote.</exception>
    public static async Task<IReadOnlyList<KafkaMessage>> ConsumeAsync(string bootstrapServers, string topic, int count, CancellationToken cancellationToken = default)
        => [.. (await Tool.RunAsync(Executable, ["-c", Consume, bootstrapServers, topic, $"{count}"], "", cancellationToken))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<KafkaMessage>(line)!)];

    private static bool CanImport()
    {
        using var process = File.Exists(Executable) ? Process.Start(new ProcessStartInfo(Executable, ["-c", "import confluent_kafka"]) { RedirectStandardError = true }) : null;
        process?.WaitForExit();
        return process is { ExitCode: 0 };
    }
}
