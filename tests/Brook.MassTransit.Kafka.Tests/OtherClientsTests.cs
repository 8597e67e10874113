using Brook.KafkaServers;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using Brook.TestServers;

namespace Brook.MassTransit.Kafka.Tests;

/// <summary>Programs that are not ours write what Brook reads, and read what it writes.</summary>
public sealed class OtherClientsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task Kcat_and_Brook_read_each_other() => MeetAsync(Kcat.WhyNot, Kcat.ProduceAsync, Kcat.ConsumeAsync);

    [Fact]
    public Task Python_and_Brook_read_each_other() => MeetAsync(PythonKafka.WhyNot, PythonKafka.ProduceAsync, PythonKafka.ConsumeAsync);

    private static async Task MeetAsync(string? whyNot, Func<string, string, IEnumerable<KafkaMessage>, CancellationToken, Task> produce, Func<string, string, int, CancellationToken, Task<IReadOnlyList<KafkaMessage>>> consume)
    {
        Assert.SkipWhen(Servers.SkipReason(whyNot) is not null, whyNot ?? "");
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore());

        await produce(topic.Servers, "stream", [Theirs("ключ", 1), Theirs("ключ", 2)], Token);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "ключ", Token), last => last == 2);
        await node.Brook.SendAsync(Steps.Of("ключ", 3), Token);
        var all = await consume(topic.Servers, "stream", 3, Token);

        Assert.Equal("ключ", all[2].Key);
        Assert.Matches("""^\{"auto_id":"[0-9a-f-]{36}","type":"step","author":"[^"]*","create_ts":\d+,"key":"ключ","data":\{"number":3\}\}$""", all[2].Value!);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "ключ", Token), last => last == 3);
    }

    /// <summary>The least that a program has to write: the record's key is the event's.</summary>
    private static KafkaMessage Theirs(string key, int number) => new(key, $$$"""{"type":"step","data":{"number":{{{number}}}}}""", null);
}
