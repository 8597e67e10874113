using Brook.KafkaServers;
using Brook.Lanes;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using Confluent.Kafka;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Node = Brook.MassTransit.Kafka.Tests.Support.Node;

namespace Brook.MassTransit.Kafka.Tests.Consuming;

public sealed class PositionTests
{
    private readonly InMemoryViewStore _store = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_view_goes_on_where_it_stands()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 10);
        await using (var first = await Node.StartAsync(topic.Servers, _store)) await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, "a", Token), last => last == 10);
        await topic.StepsAsync("a", 11, 20);

        await using var second = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => second.View.GetAsync(Steps.Last, "a", Token), last => last == 20);
        Assert.Equal(0, await second.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task What_the_broker_has_of_the_group_decides_nothing()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 10);
        using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = topic.Servers }).Build())
            await admin.AlterConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitionOffsets("view", [new TopicPartitionOffset("stream", 0, 10)])]);

        await using var node = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 10);
    }

    [Fact]
    public async Task The_broker_is_told_how_far_the_view_is_for_those_who_look_at_lag()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 10);
        await using (var node = await Node.StartAsync(topic.Servers, _store)) await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 10);

        Assert.Equal(10, await topic.CommittedAsync("view"));
    }

    [Fact]
    public async Task A_new_view_may_begin_at_the_end()
    {
        using var topic = new Topic();
        await topic.StepsAsync("b", 1, 10);
        await using var node = await Node.StartAsync(topic.Servers, _store, kafka: kafka => kafka.StartFrom(KafkaStart.Latest));
        await IsReadAsync(node);

        await topic.StepsAsync("a", 1, 2);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 2);
        Assert.Equal(0, await node.View.GetAsync(Steps.Last, "b", Token));
    }

    [Fact]
    public async Task A_new_view_may_begin_at_an_offset()
    {
        using var topic = new Topic();
        await topic.StepsAsync("b", 1, 3);
        await topic.StepsAsync("a", 1, 2);

        await using var node = await Node.StartAsync(topic.Servers, _store, kafka: kafka => kafka.StartFrom(KafkaStart.Offsets((_, _) => 3)));

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 2);
        Assert.Equal(0, await node.View.GetAsync(Steps.Last, "b", Token));
    }

    [Fact]
    public async Task A_new_view_may_begin_at_a_time_which_is_the_end_when_all_records_are_older()
    {
        using var topic = new Topic();
        await topic.StepsAsync("b", 1, 3);
        await using var node = await Node.StartAsync(topic.Servers, _store, kafka: kafka => kafka.StartFrom(KafkaStart.At(DateTimeOffset.UtcNow.AddHours(1))));
        await IsReadAsync(node);

        await topic.StepsAsync("a", 1, 2);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 2);
        Assert.Equal(0, await node.View.GetAsync(Steps.Last, "b", Token));
    }

    [Fact]
    public async Task Records_that_were_removed_before_they_were_read_stop_their_partition_and_no_other()
    {
        using var topic = new Topic(partitions: 2);
        await topic.StepsAsync("a", 1, 5);
        await topic.StepsAsync("b", 1, 5, partition: 1);
        await using (var first = await Node.StartAsync(topic.Servers, _store))
            foreach (var key in "ab") await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, $"{key}", Token), last => last == 5);
        await topic.StepsAsync("a", 6, 20);
        topic.Cluster.DeleteRecords("stream", 0, 10);

        await using var node = await Node.StartAsync(topic.Servers, _store);
        await topic.StepsAsync("b", 6, 8, partition: 1);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "b", Token), last => last == 8);
        await Steps.UntilAsync(() => node.Reader.Halted.Count == 1);
        Assert.StartsWith("the view has read stream/0 up to offset 5, and the broker has 10 to 19", node.Reader.Halted[0], StringComparison.Ordinal);
        Assert.Equal(5, await node.View.GetAsync(Steps.Last, "a", Token));
        await Steps.UntilAsync(() => node.Bus.CheckHealth().Endpoints.Values.Any(endpoint => endpoint.Status == BusHealthStatus.Unhealthy && endpoint.Exception?.Message == node.Reader.Halted[0]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_slow_answer_to_where_the_partition_ends_does_not_undo_where_the_view_stands(int leader)
    {
        using var topic = new Topic(brokers: 3);
        topic.Cluster.SetLeader("stream", 0, leader);
        await topic.StepsAsync("a", 1, 5);
        await using (var first = await Node.StartAsync(topic.Servers, _store)) await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, "a", Token), last => last == 5);
        topic.Cluster.RoundTrip(leader, 700);
        await using var node = await Node.StartAsync(topic.Servers, _store);

        foreach (var from in new[] { 6, 11, 16 }) topic.Write(5, i => ("a", $$$"""{"type":"step","data":{"number":{{{from + i}}}}}"""));
        topic.Cluster.RoundTrip(leader, 0);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 20);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task A_place_that_the_broker_does_not_have_is_said_even_when_it_does_not_answer_then()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 5);
        await using var node = await Node.StartAsync(topic.Servers, _store);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 5);

        topic.Cluster.PushErrors(KafkaApi.ListOffsets, [.. Enumerable.Repeat((int)ErrorCode.TopicAuthorizationFailed, 4)]);
        topic.Cluster.PushErrors(KafkaApi.Fetch, (int)ErrorCode.OffsetOutOfRange);

        await Steps.UntilAsync(() => node.Reader.Halted is [var reason] && reason.StartsWith("the view has read stream/0 up to offset 5", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_store_that_loses_the_lane_while_it_is_read_does_not_make_it_begin_anew()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 5);
        await using var node = await Node.StartAsync(topic.Servers, _store, kafka: kafka => kafka.StartFrom(KafkaStart.Latest));
        await IsReadAsync(node);
        await topic.StepsAsync("b", 1, 5);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "b", Token), last => last == 5);

        foreach (var collection in new[] { "last", "$lanes" }) await _store.ClearAsync(collection, Token);
        await topic.StepsAsync("b", 6, 9);

        await Steps.UntilAsync(() => node.Reader.Halted.Count == 1);
        Assert.Equal("the store has lost what it had of stream/0: it was emptied, or came back without it. Restart the application to build the view anew, from where StartFrom says, or restore the store first", node.Reader.Halted[0]);
    }

    [Fact]
    public async Task Records_without_an_event_at_the_end_are_not_missed_when_they_are_gone()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 5);
        for (var i = 0; i < 5; i++) await topic.WriteAsync("a", null);
        await using (var first = await Node.StartAsync(topic.Servers, _store)) await Steps.UntilAsync(() => NextAsync(), next => next == 10);
        topic.Cluster.DeleteRecords("stream", 0, 10);
        await topic.StepsAsync("a", 6, 7);

        await using var node = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 7);
        Assert.Empty(node.Reader.Halted);
    }

    [Fact]
    public async Task A_topic_that_was_made_anew_is_not_taken_for_the_one_before()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 5);
        await using (var first = await Node.StartAsync(topic.Servers, _store)) await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, "a", Token), last => last == 5);
        topic.Cluster.DeleteTopic("stream");
        topic.Cluster.CreateTopic("stream", 1);
        await topic.StepsAsync("b", 1, 9);

        await using var node = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => node.Reader.Halted.Count == 1);
        Assert.Matches(@"^Lane stream/0 was read up to offset 5 of source \S+, and now there is another one of its name \(\S+\): its offsets mean other events\.", node.Reader.Halted[0]);
        Assert.Equal(0, await node.View.GetAsync(Steps.Last, "b", Token));
    }

    [Fact]
    public async Task A_topic_that_is_made_anew_while_it_is_read_is_not_taken_for_the_one_before()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store);
        await topic.StepsAsync("a", 1, 5);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 5);

        topic.Cluster.DeleteTopic("stream");
        topic.Cluster.CreateTopic("stream", 1);
        await Steps.UntilAsync(() => node.Reader.Halted.Count == 1);
        await topic.StepsAsync("b", 1, 20);

        Assert.Matches("now there is another one of its name|the broker has no records of topic .+: the topic has lost what the view has, or was made anew", node.Reader.Halted[0]);
        Assert.Equal((0, 0L), (await node.View.GetAsync(Steps.Last, "b", Token), await node.Parked.CountAsync(Token)));
    }

    [Fact]
    public async Task A_store_that_was_emptied_is_filled_again_from_the_beginning()
    {
        using var topic = new Topic();
        var store = new InMemoryViewStore();
        await topic.StepsAsync("a", 1, 10);
        await using (var first = await Node.StartAsync(topic.Servers, store)) await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, "a", Token), last => last == 10);

        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore());

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 10);
    }

    [Fact]
    public async Task A_lane_that_somebody_sets_back_is_read_again_from_there()
    {
        using var topic = new Topic();
        var handled = 0;
        await using var node = await Node.StartAsync(topic.Servers, _store, brook => brook.On<Step>("step", e =>
        {
            Interlocked.Increment(ref handled);
            return Change.Create(Steps.Last, e.Key!, e.Data.Number);
        }));
        await topic.StepsAsync("a", 1, 10);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 10);

        await SetBackAsync(next: 4);
        await topic.StepsAsync("a", 11, 11);

        await Steps.UntilAsync(() => Volatile.Read(ref handled) >= 17);
        Assert.Equal(11, await node.View.GetAsync(Steps.Last, "a", Token));
    }

    [Fact]
    public async Task Who_is_fenced_while_the_partition_is_still_his_claims_it_again()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store);
        await topic.StepsAsync("a", 1, 10);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 10);

        await using (await node.Services.GetRequiredKeyedService<BrookEngine>("").OpenLaneAsync("stream/0", LaneGuard.Offsets, Token))
        {
            await topic.StepsAsync("a", 11, 20);
            await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 20);
        }

        Assert.Contains(node.Logs.GetSnapshot(), log => log.Id.Name == "LaneLeft");
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }

    private async ValueTask<long> NextAsync()
        => (await _store.ReadAsync(new EntryKey[] { new("$lanes", "stream/0") }, Token))[0] is { IsMissing: false } lane ? System.Text.Json.JsonDocument.Parse(lane.Value).RootElement.TryGetProperty("next", out var next) ? next.GetInt64() : 0 : -1;

    private async Task SetBackAsync(long next)
    {
        var key = new EntryKey("$lanes", "stream/0");
        var there = (await _store.ReadAsync(new[] { key }, Token))[0];
        var state = System.Text.Json.Nodes.JsonNode.Parse(there.Value.Span)!;
        state["next"] = next;
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(key, EntryAction.Put, there.Version, System.Text.Encoding.UTF8.GetBytes(state.ToJsonString())));
        Assert.True((await _store.CommitAsync(commit, Token)).IsCommitted);
    }

    /// <summary>The lane has its place.</summary>
    private async Task IsReadAsync(Node node)
    {
        await Steps.UntilAsync(async () => (await _store.ReadAsync(new EntryKey[] { new("$lanes", "stream/0") }, Token))[0], there => !there.IsMissing);
        await Steps.UntilAsync(() => node.Reader.Assigned == 1);
    }
}
