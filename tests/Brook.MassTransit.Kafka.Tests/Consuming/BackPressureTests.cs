using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;

namespace Brook.MassTransit.Kafka.Tests.Consuming;

public sealed class BackPressureTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_partition_that_cannot_keep_up_is_paused_and_holds_up_neither_the_others_nor_the_group()
    {
        const int Many = 30_000;                                        // more than a lane keeps in memory
        using var topic = new Topic(partitions: 2);
        using var gate = new ManualResetEventSlim();
        topic.Write(Many, i => ("slow", $$$"""{"type":"step","author":"x","create_ts":1,"key":"slow","data":{"number":{{{i + 1}}}}}"""));
        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore(), brook => brook.On<Step>("step", e =>
        {
            if (e.Key == "slow") gate.Wait(Token);
            return Change.Merge(Steps.Last, e.Key!, last => e.Data.Number == last + 1 ? e.Data.Number : throw new InvalidOperationException($"{e.Data.Number} came after {last}"));
        }), kafka => kafka.Consumer(consumer => (consumer.GroupProtocol, consumer.SessionTimeoutMs, consumer.HeartbeatIntervalMs, consumer.MaxPollIntervalMs) = (Confluent.Kafka.GroupProtocol.Classic, 1500, 100, 2000)));

        await topic.StepsAsync("fast", 1, 5, partition: 1);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "fast", Token), last => last == 5);
        await Task.Delay(3000, Token);                                  // longer than max.poll.interval.ms, and that is what is tested
        await topic.StepsAsync("fast", 6, 10, partition: 1);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "fast", Token), last => last == 10);
        gate.Set();

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "slow", Token), last => last == Many);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
        Assert.Equal(2, node.Reader.Assigned);
        Assert.DoesNotContain(node.Logs.GetSnapshot(), log => log.Id.Name == "Revoked");
    }
}
