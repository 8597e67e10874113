using System.Text;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using Brook.Tests.PropertyTests;
using Confluent.Kafka;
using Node = Brook.MassTransit.Kafka.Tests.Support.Node;

namespace Brook.MassTransit.Kafka.Tests.Consuming;

/// <summary>Whatever stands in a topic, its partition goes on.</summary>
public sealed class BadInputTests
{
    private readonly InMemoryViewStore _store = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task A_record_that_is_small_on_its_way_and_large_here_is_set_aside_unread(CompressionType compression)
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 1);
        await topic.WriteCompressedAsync("bomb", [.. "{\"type\":\"step\",\"data\":\""u8, .. Enumerable.Repeat((byte)'0', 20_000_000), .. "\"}"u8], compression);
        await topic.StepsAsync("a", 2, 2);

        await using var node = await Node.StartAsync(topic.Servers, _store);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 2);
        var parked = await node.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token);
        Assert.StartsWith("The record cannot be read: it has 20,000,025 bytes, and 16,777,216 are taken (MaxReceivedBytes).", parked.Error, StringComparison.Ordinal);
        Assert.Equal(("bomb", 20_000_025), (parked.Key, parked.Event.Length));
    }

    [Fact]
    public async Task Every_record_changed_at_random_has_an_end_and_its_partition_goes_on()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var mutations = new Mutations(random);
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store, brook => brook.Count().On<System.Text.Json.JsonElement>("t", e => Change.Discard));
        byte[][] valid = [.. new[]
        {
            """{"auto_id":"0199c6f8-4d41-7c3a-9f57-2d1c5f6e7a80","type":"t","author":"a","create_ts":1,"key":"k","data":{"id":"42"}}""", """{"author":"a","create_ts":1,"data":{"id":1},"forwarded":false,"type":"t","__brook_struct__":"Elixir.Brook.Event"}""",
            """{"messageType":["urn:message:Orders:OrderPlaced"],"message":{"id":"42"}}""", """{ "type" : "t", "data" : { "id" : 1 } }""",
        }.Select(Encoding.UTF8.GetBytes)];

        for (var number = 1; number <= 100; number++)
        {
            await topic.WriteCompressedAsync(null, mutations.Of(valid[random.Next(valid.Length)], valid[random.Next(valid.Length)]), CompressionType.None);
            await topic.StepsAsync("whole", number, number);
        }

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "whole", Token), last => last == 100);
        Assert.InRange(await node.Parked.CountAsync(Token), 10, 100);
        Assert.DoesNotContain(node.Logs.GetSnapshot(), log => log.Id.Name is "LaneFails" or "LaneHalted");
    }
}
