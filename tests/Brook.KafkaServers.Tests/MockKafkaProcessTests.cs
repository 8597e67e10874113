using Confluent.Kafka;

namespace Brook.KafkaServers.Tests;

public sealed class MockKafkaProcessTests
{
    [Fact]
    public async Task What_is_produced_is_consumed_from_a_process_of_its_own()
    {
        await using var kafka = await StartAsync(topics: new() { ["words"] = 1 });
        await Kafka.ProduceAsync(kafka.BootstrapServers, "words", "a", "1");

        Assert.Equal("1", Assert.Single(Kafka.Consume(kafka.BootstrapServers, "words", 1)).Message.Value);
        Assert.NotEqual(Environment.ProcessId, kafka.ProcessId);
        Assert.True(kafka.CpuTime > TimeSpan.Zero);
    }

    [Fact]
    public async Task It_does_all_that_a_cluster_in_this_process_does()
    {
        await using var kafka = await StartAsync(brokers: 2, topics: new() { ["a"] = 1, ["b"] = 2 });
        Assert.Equal(2, kafka.BootstrapServers.Split(',').Length);

        await kafka.CreateTopicAsync("c", 3, Cancelled);
        await kafka.DeleteTopicAsync("b", Cancelled);
        Assert.Equal([("a", 1), ("c", 3)], Kafka.Topics(kafka.BootstrapServers).Select(topic => (topic.Topic, topic.Partitions.Count)).Order());
        foreach (var leader in new[] { 2, 1 })
        {
            await kafka.SetLeaderAsync("a", 0, leader, Cancelled);
            Assert.Equal(leader, Kafka.Topics(kafka.BootstrapServers).Single(topic => topic.Topic == "a").Partitions[0].Leader);
        }
        await kafka.RoundTripAsync(1, 1, Cancelled);
        await kafka.InitialRebalanceDelayAsync(10, Cancelled);
        await kafka.ConsumerHeartbeatAsync(200, Cancelled);
        await kafka.ConsumerSessionAsync(2000, Cancelled);

        await kafka.TrackRequestsAsync(Cancelled);
        await kafka.PushErrorsAsync(KafkaApi.Produce, (int)ErrorCode.MsgSizeTooLarge, (int)ErrorCode.MsgSizeTooLarge);
        await Assert.ThrowsAsync<ProduceException<string, string>>(() => Kafka.ProduceAsync(kafka.BootstrapServers, "a", "a", "1"));
        await kafka.ClearErrorsAsync(KafkaApi.Produce, Cancelled);
        foreach (var value in new[] { "2", "3" }) await Kafka.ProduceAsync(kafka.BootstrapServers, "a", "a", value);
        Assert.Equal(3, (await kafka.RequestsAsync(Cancelled))[KafkaApi.Produce]);

        await kafka.DeleteRecordsAsync("a", 0, 1, Cancelled);
        Assert.Equal("3", Assert.Single(Kafka.Consume(kafka.BootstrapServers, "a", 1)).Message.Value);
    }

    [Fact]
    public async Task A_message_waits_for_a_broker_that_is_down()
    {
        await using var kafka = await StartAsync(topics: new() { ["words"] = 1 });
        using var producer = Kafka.Producer(kafka.BootstrapServers);
        await producer.ProduceAsync("words", new() { Key = "a", Value = "1" }, Cancelled);

        await kafka.BrokerDownAsync(1, Cancelled);
        var sent = producer.ProduceAsync("words", new() { Key = "a", Value = "2" }, Cancelled);
        Assert.NotSame(sent, await Task.WhenAny(sent, Task.Delay(200, Cancelled)));
        await kafka.BrokerUpAsync(1, Cancelled);

        Assert.Equal(1, (await sent).Offset.Value);
    }

    [Fact]
    public async Task What_cannot_be_done_is_said_and_the_next_question_is_answered()
    {
        await using var kafka = await StartAsync();

        Assert.StartsWith("Topic nothing cannot be removed: ", (await Assert.ThrowsAsync<InvalidOperationException>(() => kafka.DeleteTopicAsync("nothing", Cancelled))).Message, StringComparison.Ordinal);
        Assert.Equal("not understood: dance 1", (await Assert.ThrowsAsync<InvalidOperationException>(() => kafka.AskAsync("dance 1", Cancelled))).Message);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(topic => kafka.CreateTopicAsync($"topic-{topic}", 1, Cancelled)));
        Assert.Equal(20, Kafka.Topics(kafka.BootstrapServers).Count);
    }

    [Fact]
    public async Task It_ends_when_nobody_can_speak_to_it_any_more()
    {
        await using var kafka = await StartAsync();
        Assert.True(kafka.IsRunning);

        kafka.CloseInput();     // as when this process ends, in whatever way

        await Until.TrueAsync(() => !kafka.IsRunning, "the process ends");
    }

    [Fact]
    public async Task A_killed_one_says_so()
    {
        await using var kafka = await StartAsync();

        await kafka.KillAsync();

        Assert.False(kafka.IsRunning);
        Assert.Contains("ended with code 137", (await Assert.ThrowsAsync<InvalidOperationException>(() => kafka.CreateTopicAsync("words", 1, Cancelled))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_does_not_start_says_why()
        => Assert.Contains("usage: ", (await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(topics: new() { ["a:b"] = 1 }))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task It_may_be_disposed_twice()
    {
        var kafka = await StartAsync();
        await kafka.DisposeAsync();
        await kafka.DisposeAsync();
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static Task<MockKafkaProcess> StartAsync(int brokers = 1, Dictionary<string, int>? topics = null) => MockKafkaProcess.StartAsync(brokers, topics, Cancelled);
}
