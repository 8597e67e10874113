using Confluent.Kafka;

namespace Brook.KafkaServers.Tests;

public sealed class KafkaServerTests
{
    [Fact]
    public async Task What_is_produced_is_consumed()
    {
        await using var kafka = await StartAsync();
        await kafka.CreateTopicAsync("words", 1, cancellationToken: Cancelled);
        await Kafka.ProduceAsync(kafka.BootstrapServers, "words", "a", "1");

        Assert.Equal("1", Assert.Single(Kafka.Consume(kafka.BootstrapServers, "words", 1)).Message.Value);
    }

    [Fact]
    public async Task Messages_survive_a_kill_and_a_restart()
    {
        await using var kafka = await StartAsync();
        await kafka.CreateTopicAsync("words", 1, new Dictionary<string, string> { ["flush.messages"] = "1" }, Cancelled);
        await Kafka.ProduceAsync(kafka.BootstrapServers, "words", "a", "1");

        await kafka.KillAsync();
        Assert.False(kafka.IsRunning);
        await kafka.RestartAsync(Cancelled);
        await Kafka.ProduceAsync(kafka.BootstrapServers, "words", "a", "2");
        await kafka.StopAsync();
        await kafka.RestartAsync(Cancelled);

        Assert.Equal(["1", "2"], Kafka.Consume(kafka.BootstrapServers, "words", 2).Select(message => message.Message.Value));
    }

    [Fact]
    public async Task Records_and_topics_are_removed()
    {
        await using var kafka = await StartAsync();
        await kafka.CreateTopicAsync("words", 3, cancellationToken: Cancelled);
        foreach (var value in new[] { "1", "2" }) await Kafka.ProduceAsync(kafka.BootstrapServers, "words", "a", value);
        var partition = Kafka.Consume(kafka.BootstrapServers, "words", 2)[0].Partition;

        await kafka.DeleteRecordsAsync("words", partition, 1);
        using (var consumer = Kafka.Consumer(kafka.BootstrapServers))
        {
            consumer.Assign(new TopicPartitionOffset("words", partition, Offset.Beginning));
            Assert.Equal("2", Assert.Single(consumer.Take(1)).Message.Value);
        }

        await kafka.DeleteTopicAsync("words");
        await Until.TrueAsync(() => Kafka.Topics(kafka.BootstrapServers).All(topic => topic.Topic != "words"), "the topic is gone");
    }

    [Theory]
    [InlineData(null, "KAFKA_HOME is not set: unpack Apache Kafka and name its folder")]
    [InlineData("", "KAFKA_HOME is not set: unpack Apache Kafka and name its folder")]
    [InlineData("/nowhere", "KAFKA_HOME is /nowhere, where there is no bin/kafka-server-start.sh: it has to be the folder of an unpacked Apache Kafka")]
    public void What_is_missing_is_said(string? home, string whyNot) => Assert.Equal(whyNot, KafkaServer.Missing(home, "/usr/bin/java"));

    [Fact]
    public void Java_is_missed_too()
    {
        using var home = new Scripts("", "");
        Assert.Null(KafkaServer.Missing(home.Folder, "/usr/bin/java"));
        Assert.StartsWith("java, which Kafka needs, was not found", KafkaServer.Missing(home.Folder, null), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Storage_that_cannot_be_formatted_is_said()
    {
        using var home = new Scripts(format: "echo no space on $1 $2; exit 1", start: "exit 0");

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => KafkaServer.StartAsync(home.Folder, TestServers.FreePort.Next, Cancelled));

        Assert.Equal("kafka-storage.sh ended with code 1. The end of its log:\nno space on format -t", error.Message);
    }

    [Fact]
    public async Task A_broker_that_dies_at_its_start_says_why()
    {
        using var home = new Scripts(format: "echo formatted with $4 $5", start: "echo has $KAFKA_HEAP_OPTS and $LOG_DIR; grep ^process.roles $1; exit 3");

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => KafkaServer.StartAsync(home.Folder, TestServers.FreePort.Next, Cancelled));

        Assert.Matches("(?s)^Kafka ended with code 3 instead of answering.*has -Xmx512m and .*/brook-kafka-[^/]*/logs\nprocess.roles=broker,controller$", error.Message);
    }

    [Fact]
    public async Task Other_ports_are_taken_when_somebody_was_faster()
    {
        var ports = new Queue<int>([11, 12, 21, 22]);
        using var home = new Scripts(format: "exit 0", start: "grep -q :11, $1 && echo Socket server failed to bind to 127.0.0.1:11: Address already in use. && exit 1; grep ^listeners $1; exit 4");

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => KafkaServer.StartAsync(home.Folder, ports.Dequeue, Cancelled));

        Assert.Contains("listeners=PLAINTEXT://127.0.0.1:21,CONTROLLER://127.0.0.1:22", error.Message, StringComparison.Ordinal);
        Assert.Contains("code 4", error.Message, StringComparison.Ordinal);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static Task<KafkaServer> StartAsync()
    {
        Assert.SkipWhen(KafkaServer.WhyNot is not null, KafkaServer.WhyNot ?? "");
        return KafkaServer.StartAsync(Cancelled);
    }

    /// <summary>A folder that looks like Kafka's.</summary>
    private sealed class Scripts : IDisposable
    {
        public Scripts(string format, string start)
        {
            Directory.CreateDirectory(Path.Combine(Folder, "bin"));
            foreach (var (name, text) in new[] { ("kafka-storage.sh", format), ("kafka-server-start.sh", start) })
            {
                var script = Path.Combine(Folder, "bin", name);
                File.WriteAllText(script, $"#!/bin/sh\n{text}\n");
                if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("brook-test-").FullName;

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
