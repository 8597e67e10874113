using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;

namespace Brook.MassTransit.Kafka.Tests.Consuming;

public sealed class RecordTests
{
    private readonly InMemoryViewStore _store = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_cannot_be_read_is_set_aside_as_it_came_and_the_others_go_on()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 2);
        await topic.WriteAsync("x", "this is no JSON");
        await topic.WriteAsync("y", "");
        await topic.StepsAsync("a", 3, 4);

        await using var node = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 4);
        await Steps.UntilAsync(() => node.Parked.CountAsync(Token), count => count == 2);
    }

    [Fact]
    public async Task A_failing_event_is_kept_and_holds_up_its_own_key_alone()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 2);
        await topic.StepsAsync("b", 7, 8);
        await topic.StepsAsync("a", 3, 4);

        await using var node = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 4);
        Assert.Equal(2, await node.Parked.CountAsync(Token));
        Assert.Equal(0, await node.View.GetAsync(Steps.Last, "b", Token));
    }

    [Fact]
    public async Task Tombstones_are_passed_over_and_said_once()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 1);
        await topic.WriteAsync("a", null);
        await topic.WriteAsync(null, null);
        await topic.StepsAsync("a", 2, 2);

        await using var node = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 2);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
        Assert.Single(node.Logs.GetSnapshot(), log => log.Id.Name == "Tombstone");
    }

    [Fact]
    public async Task A_tombstone_with_a_name_is_an_event_of_its_key()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 3);
        await topic.WriteAsync("a", null);

        await using var node = await Node.StartAsync(brook =>
        {
            Node.OnKafka(brook.UseShared(_store), topic.Servers, kafka: kafka => kafka.Topic("gone", tombstoneType: "step:gone").Topic("more"));
            brook.On<object?>("step:gone", e => Change.Delete(Steps.Last, e.Key!));
        });

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 3);      // the topic 'stream' has no name for them
    }

    [Fact]
    public async Task Several_topics_are_read_side_by_side()
    {
        using var topic = new Topic();
        topic.Cluster.CreateTopic("other", 2);

        await using var node = await Node.StartAsync(topic.Servers, _store, kafka: kafka => kafka.Topic("other").SendTo("other"));
        await topic.StepsAsync("a", 1, 3);
        var receipt = await node.Brook.SendAsync(Steps.Of("b", 1), Token);

        Assert.StartsWith("other/", receipt.Spans[0].Lane, StringComparison.Ordinal);
        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(receipt, cancellationToken: Token));
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 3);
    }
}
