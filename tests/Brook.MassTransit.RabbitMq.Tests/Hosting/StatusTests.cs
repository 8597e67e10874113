using Brook.MassTransit.RabbitMq.Tests.Support;
using Brook.Storage;
using Brook.TestServers;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using static Brook.Change;

namespace Brook.MassTransit.RabbitMq.Tests.Hosting;

/// <summary>What an instance says of itself is what the broker says.</summary>
public sealed class StatusTests(Broker broker)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_broker_that_is_killed_is_lost_and_the_instance_is_live_when_it_is_back()
    {
        _ = broker.Server;
        await using var own = await RabbitMqServer.StartAsync(cancellationToken: Token);
        await using var node = await Node.StartAsync(own.Uri, brook => brook.UseShared(new InMemoryViewStore()).Count());
        await UntilAsync(node, BrookState.Live);

        await own.KillAsync();
        Assert.StartsWith("The source does not answer: ", (await UntilAsync(node, BrookState.BrokerLost)).Reason, StringComparison.Ordinal);
        await own.RestartAsync(Token);

        await UntilAsync(node, BrookState.Live);
        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token));
    }

    [Fact]
    public async Task A_broker_that_does_not_answer_is_lost_though_the_connection_is_open()
    {
        _ = broker.Server;
        await using var own = await RabbitMqServer.StartAsync(cancellationToken: Token);
        await using var node = await Node.StartAsync(own.Uri, brook => brook.UseShared(new InMemoryViewStore()).Count());
        await UntilAsync(node, BrookState.Live);

        await own.PauseAsync();
        Assert.StartsWith("The source does not answer: no answer within 5 s.", (await UntilAsync(node, BrookState.BrokerLost)).Reason, StringComparison.Ordinal);
        await own.ResumeAsync();

        await UntilAsync(node, BrookState.Live);
    }

    [Fact]
    public async Task What_waits_in_the_queue_and_in_hand_is_what_the_lane_is_behind()
    {
        using var ends = new ManualResetEventSlim();
        await using var node = await Node.StartAsync(await broker.NewHostAsync(), brook =>
        {
            brook.UseInMemory(perNode: true).On<int>("hang", e => { ends.Wait(Token); return Discard; });
            (brook.Options.LaggingEvents, brook.Options.StalledAfter) = (100, TimeSpan.FromSeconds(1));
        });
        await UntilAsync(node, BrookState.Live);

        for (var i = 0; i < 150; i++) await node.Brook.SendAsync("hang", i, cancellationToken: Token);        // a message each, more than the prefetch

        var stalled = await UntilAsync(node, BrookState.Stalled, now => now.Behind == 150);
        Assert.Matches(@"^Lane brook/0 has not gone on for .* \(150 messages wait\): a handler of 'hang' has not ended\.", stalled.Reason);
        Assert.True(stalled.Lanes[0].CountsMessages);
        ends.Set();
        Assert.Equal(0, (await UntilAsync(node, BrookState.Live, now => now.Behind == 0)).Behind);
    }

    [Fact]
    public async Task A_node_whose_lanes_another_reads_is_well()
    {
        var (host, store) = (await broker.NewHostAsync(), new InMemoryViewStore());
        await using var one = await Node.StartAsync(host, brook => brook.UseShared(store).Count());
        await one.View.WaitForAsync(await one.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token);
        await using var two = await Node.StartAsync(host, brook => brook.UseShared(store).Count());

        Assert.Equal("Other processes read all 1 lane(s), or nothing has come for them yet. This one is well, and takes over.", (await UntilAsync(two, BrookState.Standby)).Reason);
        Assert.Equal("1 of 1 lane(s) are live here.", (await UntilAsync(one, BrookState.Live)).Reason);
    }

    [Fact]
    public async Task A_lane_that_a_foreign_consumer_holds_and_does_not_read_is_stalled()
    {
        var (host, store) = (await broker.NewHostAsync(), new InMemoryViewStore());
        await using (var declares = await Node.StartAsync(host, brook => brook.UseShared(store).Count())) { }       // the queue is there
        await using var connection = await new ConnectionFactory { Uri = host }.CreateConnectionAsync(Token);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Token);
        await channel.BasicQosAsync(0, 1, false, Token);
        await channel.BasicConsumeAsync(WireContract.LaneQueue("brook", "brook", 0), autoAck: false, new AsyncEventingBasicConsumer(channel), Token);
        await using var node = await Node.StartAsync(host, brook =>
        {
            brook.UseShared(store).Count();
            brook.Options.StalledAfter = TimeSpan.FromSeconds(1);
        });

        for (var i = 1; i <= 3; i++) await node.Brook.SendAsync(Steps.Of("a", i), Token);

        Assert.Matches(@"^Lane brook/0 \(2 messages wait\) has been given nothing for .*, and this process is the one to read it: restart it, and look at the broker's consumers\.", (await UntilAsync(node, BrookState.Stalled)).Reason);
        await channel.CloseAsync(Token);
        await UntilAsync(node, BrookState.Live, now => now.Behind == 0);
        Assert.Equal(3, await node.View.GetAsync(Steps.Last, "a", Token));
    }

    [Fact]
    public async Task A_queue_that_is_missing_does_not_keep_the_others_from_being_counted()
    {
        var host = await broker.NewHostAsync();
        await using var node = await Node.StartAsync(host, brook => brook.UseInMemory(perNode: true).Count().Consume<Ordered>());
        await UntilAsync(node, BrookState.Live, now => now.Lanes.Count == 2);
        var look = new QueueLook(node.Services.GetRequiredService<global::MassTransit.Transports.IBusInstance>());

        var counts = await look.CountAsync(["no-such-queue", "brook.ordered", "no-such-queue"], Token);

        Assert.Equal(["brook.ordered"], counts.Keys);
    }

    [Fact]
    public async Task An_instance_that_only_sends_says_whether_the_broker_is_there()
    {
        _ = broker.Server;
        await using var own = await RabbitMqServer.StartAsync(cancellationToken: Token);
        await using var node = await Node.StartAsync(own.Uri, brook => brook.SendOnly());
        await UntilAsync(node, BrookState.Live);

        await own.KillAsync();

        await UntilAsync(node, BrookState.BrokerLost);
    }

    [Fact]
    public async Task A_store_that_is_stopped_is_lost_and_the_instance_is_live_when_it_is_back()
    {
        Assert.SkipWhen(Servers.SkipReason(RedisServer.WhyNot) is { }, RedisServer.WhyNot ?? "");
        await using var redis = await RedisServer.StartAsync(new RedisServerOptions { AppendOnly = AppendOnly.Always }, Token);
        await using var node = await Node.StartAsync(await broker.NewHostAsync(), brook => brook.UseRedis(redis.ConnectionString).Count());
        await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token);
        await UntilAsync(node, BrookState.Live);

        await redis.StopAsync();
        await UntilAsync(node, BrookState.StoreLost);
        await node.Brook.SendAsync(Steps.Of("a", 2), Token);
        await UntilAsync(node, BrookState.StoreLost, now => now.Lanes[0].State == BrookState.StoreLost);
        await redis.RestartAsync(Token);

        await UntilAsync(node, BrookState.Live, now => now.Behind == 0);
        Assert.Equal(2, await node.View.GetAsync(Steps.Last, "a", Token));
    }

    private static async Task<BrookStatus> UntilAsync(Node node, BrookState state, Func<BrookStatus, bool>? holds = null)
    {
        BrookStatus? found = null;
        await Steps.UntilAsync(async () => (found = await node.Services.GetRequiredService<IBrookStatus>().GetAsync(Token)) is var now ? (now.State, now.Reason) : default, _ => found!.State == state && holds?.Invoke(found) != false);
        return found!;
    }

    public sealed record Ordered(string Id);
}
