using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Kafka.Tests.Hosting;

/// <summary>What an instance says of itself is what the broker says.</summary>
public sealed class StatusTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_broker_that_is_down_is_lost_and_the_instance_is_live_when_it_is_back()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore());
        await UntilAsync(node, BrookState.Live);

        topic.Cluster.BrokerDown(1);
        Assert.StartsWith("The source does not answer: ", (await UntilAsync(node, BrookState.BrokerLost)).Reason, StringComparison.Ordinal);
        topic.Cluster.BrokerUp(1);

        await UntilAsync(node, BrookState.Live);
    }

    [Fact]
    public async Task Partitions_of_other_processes_are_theirs()
    {
        using var topic = new Topic(partitions: 2);
        var store = new InMemoryViewStore();
        await using var one = await Node.StartAsync(topic.Servers, store);
        await using var two = await Node.StartAsync(topic.Servers, store);
        await Steps.UntilAsync(() => one.Reader.Assigned == 1 && two.Reader.Assigned == 1);

        await UntilAsync(one, BrookState.Live, now => now.Lanes.Count(lane => lane.State == BrookState.Standby) == 1);
        await UntilAsync(two, BrookState.Live, now => now.Lanes.Count(lane => lane.IsHere) == 1);
    }

    [Fact]
    public async Task More_processes_than_partitions_leave_one_that_is_well_without_any()
    {
        using var topic = new Topic();
        var store = new InMemoryViewStore();
        await using var one = await Node.StartAsync(topic.Servers, store);
        await UntilAsync(one, BrookState.Live);
        await using var two = await Node.StartAsync(topic.Servers, store);

        await Steps.UntilAsync(async () => (await StateOf(one), await StateOf(two)), states => states is (BrookState.Live, BrookState.Standby) or (BrookState.Standby, BrookState.Live));
    }

    [Fact]
    public async Task A_group_that_may_not_be_joined_is_said_and_the_instance_is_live_once_it_may()
    {
        using var topic = new Topic();
        var store = new InMemoryViewStore();
        await using (var before = await Node.StartAsync(topic.Servers, store)) await UntilAsync(before, BrookState.Live);
        await topic.StepsAsync("a", 1, 3);
        var errors = Enumerable.Repeat((int)Confluent.Kafka.ErrorCode.GroupAuthorizationFailed, 500).ToArray();
        foreach (var api in new[] { KafkaServers.KafkaApi.FindCoordinator, KafkaServers.KafkaApi.ConsumerGroupHeartbeat }) topic.Cluster.PushErrors(api, errors);      // it may not join the group
        await using var node = Node.Create(brook => Node.OnKafka(brook.UseShared(store), topic.Servers, b => b.Count().Options.StalledAfter = TimeSpan.FromSeconds(1)));
        var starting = node.StartAsync(Token);

        Assert.Contains("Group authorization failed", (await UntilAsync(node, BrookState.BrokerLost)).Reason, StringComparison.OrdinalIgnoreCase);
        foreach (var api in new[] { KafkaServers.KafkaApi.FindCoordinator, KafkaServers.KafkaApi.ConsumerGroupHeartbeat }) topic.Cluster.ClearErrors(api);

        await starting.WithDeadline();
        await UntilAsync(node, BrookState.Live, now => now.Behind == 0);
    }

    [Fact]
    public async Task A_lane_that_stands_still_says_why()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore(), brook => brook.Count().Options.UnknownEvents = UnknownEventPolicy.Fail);

        await topic.WriteAsync("a", """{"type":"nobody:knows","data":1}""");

        Assert.Matches(@"^Lane stream/0 stands still until somebody acts \(1 events wait\): .*nobody:knows", (await UntilAsync(node, BrookState.Halted)).Reason);
    }

    [Fact]
    public async Task An_instance_that_only_sends_says_whether_the_broker_is_there()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(brook => brook.SendOnly().UseKafka(topic.Servers, kafka => kafka.Topic("stream")));
        await UntilAsync(node, BrookState.Live);

        topic.Cluster.BrokerDown(1);

        await UntilAsync(node, BrookState.BrokerLost);
    }

    private static async ValueTask<BrookState> StateOf(Node node) => (await node.Services.GetRequiredService<IBrookStatus>().GetAsync(Token)).State;

    private static async Task<BrookStatus> UntilAsync(Node node, BrookState state, Func<BrookStatus, bool>? holds = null)
    {
        BrookStatus? found = null;
        await Steps.UntilAsync(async () => (found = await node.Services.GetRequiredService<IBrookStatus>().GetAsync(Token)) is var now ? (now.State, now.Reason) : default, _ => found!.State == state && holds?.Invoke(found) != false);
        return found!;
    }
}
