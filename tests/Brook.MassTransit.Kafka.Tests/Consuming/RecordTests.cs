using System.Text;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using Confluent.Kafka;
using MassTransit;
using Node = Brook.MassTransit.Kafka.Tests.Support.Node;

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
        topic.Cluster.CreateTopic("users", 1);
        await using var node = await Node.StartAsync(brook =>
        {
            Node.OnKafka(brook.UseShared(_store), topic.Servers, kafka: kafka => kafka.Topic("users", eventType: "user", tombstoneType: "user:gone"));
            brook.On<Step>("user", e => Change.Create(Steps.Last, e.Key!, e.Data.Number)).On<object?>("user:gone", e => Change.Delete(Steps.Last, e.Key!));
        });
        await topic.WriteAsync("ada", """{"number":7}""", topic: "users");
        await topic.WriteAsync("bob", """{"number":8}""", topic: "users");
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "bob", Token), last => last == 8);

        await topic.WriteAsync("ada", null, topic: "users");

        await Steps.UntilAsync(() => node.View.ExistsAsync(Steps.Last, "ada", Token), exists => !exists);
    }

    [Fact]
    public async Task Messages_of_MassTransits_rider_are_events_of_the_types_they_are_mapped_to()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store);
        var headers = new global::Confluent.Kafka.Headers { { "MessageId", Encoding.ASCII.GetBytes(Guid.NewGuid().ToString()) }, { "MT-MessageType", Encoding.ASCII.GetBytes(MessageUrn.ForTypeString<Step>()) } };

        await topic.WriteAsync("a", """{"number":1}""", headers: headers);
        await topic.WriteAsync("a", """{"number":1}""", headers: headers);      // its sender sent it twice
        await topic.StepsAsync("a", 2, 2);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 2);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }

    [Theory]
    [InlineData(ElixirFormat.BrookSerde, "__brook_struct__")]
    [InlineData(ElixirFormat.JsonSerde, "__data_type__")]
    public async Task Events_are_written_as_Brook_for_Elixir_writes_them_and_read_again_with_their_keys_and_ids(ElixirFormat format, string mark)
    {
        using var topic = new Topic(partitions: 3);
        await using var node = await Node.StartAsync(topic.Servers, _store, kafka: kafka => kafka.ForElixirBrook(format));
        var step = new BrookEvent<Step>("step", new Step(1)) { Key = "a", Id = Guid.CreateVersion7() };

        var receipt = await node.Brook.SendAsync(step, Token);
        await node.Brook.SendAsync(step, Token);
        await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 2), Token), cancellationToken: Token);

        Assert.Equal("stream/0", receipt.Spans[0].Lane);            // where Brook for Elixir writes
        Assert.Equal((2, 0L), (await node.View.GetAsync(Steps.Last, "a", Token), await node.Parked.CountAsync(Token)));
        var (key, value) = topic.First();
        Assert.Equal("step", key);
        Assert.EndsWith($"\"forwarded\":false,\"type\":\"step\",\"{mark}\":\"Elixir.Brook.Event\"}}", value!, StringComparison.Ordinal);
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
