using System.Text;
using Brook.TestServers;
using Confluent.Kafka;

namespace Brook.KafkaServers.Tests;

public sealed class OtherClientsTests
{
    private static readonly KafkaMessage[] s_messages =
    [
        new("a", "Grüße,\n\"ä\"", new Dictionary<string, string> { ["kind"] = "word", ["to"] = "everybody" }),
        new("b", null),
        new(null, "without a key"),
    ];

    public static TheoryData<string> Clients { get; } = ["kcat", "python"];

    [Theory, MemberData(nameof(Clients))]
    public async Task What_others_write_is_read(string client)
    {
        using var cluster = ClusterFor(client);

        await ProduceAsync(client, cluster);

        var read = Kafka.Consume(cluster.BootstrapServers, "words", s_messages.Length).Select(result => new KafkaMessage(result.Message.Key, result.Message.Value,
            result.Message.Headers is { Count: > 0 } headers ? headers.ToDictionary(header => header.Key, header => Encoding.UTF8.GetString(header.GetValueBytes())) : null));
        Assert.Equivalent(s_messages, read, strict: true);
    }

    [Theory, MemberData(nameof(Clients))]
    public async Task What_is_written_is_read_by_others(string client)
    {
        using var cluster = ClusterFor(client);
        using var producer = Kafka.Producer(cluster.BootstrapServers);
        foreach (var message in s_messages)
        {
            var headers = new Headers();
            foreach (var (name, value) in message.Headers ?? new Dictionary<string, string>()) headers.Add(name, Encoding.UTF8.GetBytes(value));
            await producer.ProduceAsync("words", new() { Key = message.Key!, Value = message.Value!, Headers = headers }, Cancelled);
        }

        var read = await ConsumeAsync(client, cluster);

        Assert.Equivalent(s_messages, read, strict: true);
    }

    [Theory, MemberData(nameof(Clients))]
    public async Task A_client_that_fails_says_why(string client)
    {
        using var cluster = ClusterFor(client);
        cluster.PushErrors(KafkaApi.Produce, (int)ErrorCode.MsgSizeTooLarge);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => ProduceAsync(client, cluster));

        Assert.Contains("ended with code 1", error.Message, StringComparison.Ordinal);
        Assert.Contains("size", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    private static Task ProduceAsync(string client, MockKafkaCluster cluster) => client == "kcat"
        ? Kcat.ProduceAsync(cluster.BootstrapServers, "words", s_messages, Cancelled)
        : PythonKafka.ProduceAsync(cluster.BootstrapServers, "words", s_messages, Cancelled);

    private static Task<IReadOnlyList<KafkaMessage>> ConsumeAsync(string client, MockKafkaCluster cluster) => client == "kcat"
        ? Kcat.ConsumeAsync(cluster.BootstrapServers, "words", s_messages.Length, Cancelled)
        : PythonKafka.ConsumeAsync(cluster.BootstrapServers, "words", s_messages.Length, Cancelled);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static MockKafkaCluster ClusterFor(string client)
    {
        var whyNot = client == "kcat" ? Kcat.WhyNot : PythonKafka.WhyNot;
        Assert.SkipWhen(Servers.SkipReason(whyNot) is { }, whyNot ?? "");
        var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);
        return cluster;
    }
}
