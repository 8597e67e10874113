using Confluent.Kafka;

namespace Brook.KafkaServers.Tests;

public sealed class MockKafkaClusterTests
{
    [Fact]
    public async Task What_is_produced_is_consumed()
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);
        await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", "1");
        await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "b", "2");

        Assert.Equal([("a", "1", 0), ("b", "2", 1)], Kafka.Consume(cluster.BootstrapServers, "words", 2).Select(message => (message.Message.Key, message.Message.Value, message.Offset.Value)));
    }

    [Fact]
    public void A_topic_has_as_many_partitions_as_it_was_given_until_it_is_removed()
    {
        using var cluster = new MockKafkaCluster(3);
        cluster.CreateTopic("words", 5);
        Assert.Equal([("words", 5)], Kafka.Topics(cluster.BootstrapServers).Select(topic => (topic.Topic, topic.Partitions.Count)));

        cluster.DeleteTopic("words");
        Assert.Empty(Kafka.Topics(cluster.BootstrapServers));
    }

    [Fact]
    public void What_cannot_be_done_is_said()
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);

        Assert.StartsWith("Topic words of 1 partitions cannot be made: ", Assert.Throws<InvalidOperationException>(() => cluster.CreateTopic("words", 1)).Message, StringComparison.Ordinal);
        Assert.StartsWith("Topic nothing cannot be removed: ", Assert.Throws<InvalidOperationException>(() => cluster.DeleteTopic("nothing")).Message, StringComparison.Ordinal);
        Assert.StartsWith("Broker 2 cannot be stopped: ", Assert.Throws<InvalidOperationException>(() => cluster.BrokerDown(2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Removed_records_are_not_consumed()
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);
        foreach (var value in new[] { "1", "2", "3" }) await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", value);

        cluster.DeleteRecords("words", 0, 2);

        Assert.Equal(("3", 2), Kafka.Consume(cluster.BootstrapServers, "words", 1) is [var message] ? (message.Message.Value, message.Offset.Value) : default);
    }

    [Fact]
    public async Task A_message_waits_for_a_broker_that_is_down()
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);
        using var producer = Kafka.Producer(cluster.BootstrapServers);
        await producer.ProduceAsync("words", new() { Key = "a", Value = "1" }, TestContext.Current.CancellationToken);

        cluster.BrokerDown(1);
        var sent = producer.ProduceAsync("words", new() { Key = "a", Value = "2" }, TestContext.Current.CancellationToken);
        Assert.NotSame(sent, await Task.WhenAny(sent, Task.Delay(200, TestContext.Current.CancellationToken)));
        cluster.BrokerUp(1);

        Assert.Equal(1, (await sent).Offset.Value);
        Assert.Equal(["1", "2"], Kafka.Consume(cluster.BootstrapServers, "words", 2).Select(message => message.Message.Value));
    }

    [Fact]
    public async Task A_partition_goes_to_another_broker()
    {
        using var cluster = new MockKafkaCluster(2);
        cluster.CreateTopic("words", 1);
        foreach (var (leader, value) in new[] { (1, "1"), (2, "2") })
        {
            cluster.SetLeader("words", 0, leader);
            await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", value);
            Assert.Equal(leader, Assert.Single(Assert.Single(Kafka.Topics(cluster.BootstrapServers)).Partitions).Leader);
        }

        Assert.Equal(["1", "2"], Kafka.Consume(cluster.BootstrapServers, "words", 2).Select(message => message.Message.Value));
    }

    [Fact]
    public async Task Requests_fail_as_often_as_they_are_told()
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);

        cluster.PushErrors(KafkaApi.Produce, (int)ErrorCode.MsgSizeTooLarge);
        var error = await Assert.ThrowsAsync<ProduceException<string, string>>(() => Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", "1"));
        Assert.Equal(ErrorCode.MsgSizeTooLarge, error.Error.Code);
        Assert.Equal(0, (await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", "2")).Offset.Value);

        cluster.PushErrors(KafkaApi.Produce, (int)ErrorCode.MsgSizeTooLarge);
        cluster.ClearErrors(KafkaApi.Produce);
        Assert.Equal(1, (await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", "3")).Offset.Value);
    }

    [Fact]
    public async Task Requests_are_counted()
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);
        await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", "1");
        Assert.Empty(cluster.Requests());

        cluster.TrackRequests();
        await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", "2");
        await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", "3");

        Assert.Equal(2, cluster.Requests()[KafkaApi.Produce]);
        cluster.TrackRequests();
        Assert.Empty(cluster.Requests());
    }

    [Fact]
    public async Task A_slow_broker_answers_late()
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);
        using var producer = Kafka.Producer(cluster.BootstrapServers);
        await producer.ProduceAsync("words", new() { Key = "a", Value = "1" }, TestContext.Current.CancellationToken);

        cluster.RoundTrip(1, 300);

        var started = TimeProvider.System.GetTimestamp();
        await producer.ProduceAsync("words", new() { Key = "a", Value = "2" }, TestContext.Current.CancellationToken);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalMilliseconds, 250, 20_000);
    }

    [Theory]
    [InlineData(GroupProtocol.Classic)]
    [InlineData(GroupProtocol.Consumer)]
    public async Task A_group_goes_on_where_it_committed(GroupProtocol protocol)
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("words", 1);
        foreach (var value in new[] { "1", "2" }) await Kafka.ProduceAsync(cluster.BootstrapServers, "words", "a", value);

        foreach (var value in new[] { "1", "2" })
        {
            using var consumer = Kafka.Consumer(cluster.BootstrapServers, protocol: protocol);
            consumer.Subscribe("words");
            var message = Assert.Single(consumer.Take(1));
            Assert.Equal(value, message.Message.Value);
            consumer.Commit(message);
            consumer.Close();
        }
    }

    [Fact]
    public void Clusters_know_nothing_of_each_other()
    {
        using var one = new MockKafkaCluster();
        using var other = new MockKafkaCluster();
        one.CreateTopic("words", 1);

        Assert.NotEqual(one.BootstrapServers, other.BootstrapServers);
        Assert.Empty(Kafka.Topics(other.BootstrapServers));
    }

    [Fact]
    public void Nothing_can_be_done_with_a_disposed_cluster_but_to_dispose_it_again()
    {
        var cluster = new MockKafkaCluster();
        cluster.Dispose();
        cluster.Dispose();

        Assert.Throws<ObjectDisposedException>(() => cluster.CreateTopic("words", 1));
        Assert.Throws<ObjectDisposedException>(() => cluster.Requests());
    }
}
