using System.Text;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka.Tests.Native;

public sealed class RecordQueueTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Records_taken_many_at_a_time_are_what_the_client_gives_one_by_one()
    {
        using var topic = new Topic();
        await topic.WriteAsync("key", "value");
        await topic.WriteAsync(null, "no key");
        await topic.WriteAsync("", "");
        await topic.WriteAsync("no value", null);
        await topic.WriteAsync("headers", "v", headers: new Headers { { "one", "1"u8.ToArray() }, { "one", "again"u8.ToArray() }, { "null", null }, { "empty", [] }, { "ü", "ü"u8.ToArray() } });
        await topic.WriteAsync("large", new string('x', 100_000));
        for (var i = 0; i < 700; i++) await topic.WriteAsync($"k{i}", new string('y', i));      // more than one call and one array take

        var one = OneByOne(topic, 706);
        var many = ManyAtATime(topic, 706, out var end);

        Assert.Equal(one, many);
        Assert.Equal(706, end);
    }

    [Fact]
    public async Task Bytes_that_somebody_keeps_stay_as_they_were()
    {
        using var topic = new Topic();
        for (var i = 0; i < 600; i++) await topic.WriteAsync("k", $"{i} {new string('z', 300)}");
        using var consumer = Consumer(topic);
        using var queue = RecordQueue.Open(consumer.Handle, out _)!;
        var kept = new List<KafkaRecord>();

        for (var until = DateTime.UtcNow.AddSeconds(30); kept.Count < 600 && DateTime.UtcNow < until;)
            if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is { IsPartitionEOF: false } first)
            {
                kept.Add(KafkaRecord.Of(first));
                while (queue.Fetch())
                    while (queue.HasMore)
                        if (queue.Next.Error == ErrorCode.NoError) kept.Add(queue.Take());
                        else queue.Skip();
            }

        Assert.Equal(Enumerable.Range(0, 600).Select(i => $"{i} {new string('z', 300)}"), kept.Select(record => Encoding.UTF8.GetString(record.Value!.Value.Span)));
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData("this is a test", 1)]
    public async Task Where_the_client_is_not_the_packages_records_are_taken_one_by_one_and_it_is_said(string? because, int said)
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 600);
        await topic.WriteAsync("x", "this is no JSON");
        await topic.WriteAsync("a", null);
        await topic.StepsAsync("a", 601, 700);

        await using var node = await Support.Node.StartAsync(topic.Servers, new InMemoryViewStore(), kafka: kafka => kafka.OneByOneBecause = because);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 700);
        Assert.Equal(1, await node.Parked.CountAsync(Token));
        Assert.Equal(said, node.Logs.GetSnapshot().Count(log => log.Id.Name == "OneByOne"));
    }

    private static List<string> OneByOne(Topic topic, int count)
    {
        using var consumer = Consumer(topic);
        var found = new List<string>();
        while (found.Count < count)
            if (consumer.Consume(Token) is { IsPartitionEOF: false } record) found.Add(Describe(KafkaRecord.Of(record)));
        return found;
    }

    /// <summary>All but the first: that one is waited for as Brook does.</summary>
    private static List<string> ManyAtATime(Topic topic, int count, out long end)
    {
        using var consumer = Consumer(topic);
        using var queue = RecordQueue.Open(consumer.Handle, out _)!;
        var found = new List<string> { Describe(KafkaRecord.Of(consumer.Consume(Token))) };
        end = -1;
        for (var until = DateTime.UtcNow.AddSeconds(30); (found.Count < count || end < 0) && DateTime.UtcNow < until;)
        {
            while (queue.Fetch())
                while (queue.HasMore)
                    if (queue.Next.Error == ErrorCode.Local_PartitionEOF) end = queue.TakeError().Offset;
                    else
                    {
                        Assert.Equal((ErrorCode.NoError, new TopicPartition("stream", 0)), (queue.Next.Error, queue.NextPartition));
                        found.Add(Describe(queue.Take()));
                    }
        }
        return found;
    }

    private static string Describe(KafkaRecord record)
    {
        var headers = string.Join(' ', (record.Headers ?? []).Select(header => $"{header.Key}={Text(header.GetValueBytes() is { } value ? value : default(ReadOnlyMemory<byte>?))}"));
        return $"{record.Offset} {record.Timestamp:O} {Text(record.Key)} {Text(record.Value)} {headers}";
    }

    private static string Text(ReadOnlyMemory<byte>? bytes) => bytes is { } some ? $"'{Encoding.UTF8.GetString(some.Span)}'" : "null";

    private static IConsumer<byte[], byte[]> Consumer(Topic topic)
    {
        var consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = topic.Servers, GroupId = "look", EnablePartitionEof = true, FetchWaitMaxMs = 10 }).SetLogHandler(static (_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset("stream", 0, Offset.Beginning));
        return consumer;
    }
}
