using Brook.MassTransit.RabbitMq.Tests.Support;
using Brook.Storage;
using Brook.TestServers;

namespace Brook.MassTransit.RabbitMq.Tests.Sending;

public sealed class SendingTests(Broker broker)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_event_that_no_view_is_bound_for_is_an_error_that_names_stream_and_partition()
    {
        await using var node = await Node.StartAsync(await broker.NewHostAsync(), brook => brook.Stream("orders", 4).SendOnly());

        var error = await Assert.ThrowsAsync<BrookSendException>(() => node.Brook.SendAsync(Steps.Of("a", 1), Token).AsTask());

        var partition = Partitioning.Of("a", 4);
        Assert.Equal($"The event 'step' (key 'a') could not be sent by Brook instance 'brook': No view is bound to partition {partition} of stream 'orders' on this broker, so the event was returned. Start a service that reads the stream with at least {partition + 1} partition(s), or check the stream's name and the virtual host.", error.Message);
        Assert.Equal("a", Assert.Single(error.NotSent).Key);
    }

    [Fact]
    public async Task While_the_broker_is_down_a_send_waits_for_its_caller_and_takes_back_what_was_not_handed_over()
    {
        _ = broker.Server;
        await using var own = await RabbitMqServer.StartAsync(cancellationToken: Token);
        await using var node = await Node.StartAsync(own.Uri, brook => brook.UseShared(new InMemoryViewStore()).Count());
        await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token);
        await own.WriteDownQueuesAsync();
        await own.KillAsync();
        await Steps.UntilAsync(() => node.Logs.GetSnapshot().Any(record => record.Message.Contains("Channel Shutdown", StringComparison.Ordinal)));

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.Brook.SendAsync(Steps.Of("b", 1), patience.Token).AsTask());
        var waiting = node.Brook.SendAsync(Steps.Of("a", 2), Token).AsTask();
        await own.RestartAsync(Token);

        Assert.Equal(patience.Token, error.CancellationToken);
        Assert.StartsWith("The send was cancelled before the transport had anything of it, so nothing was sent. Stream 'brook' cannot be sent to at present: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(await waiting.WithDeadline(), cancellationToken: Token));
        Assert.Equal((2, 0), (await node.View.GetAsync(Steps.Last, "a", Token), await node.View.GetAsync(Steps.Last, "b", Token)));
    }

    [Fact]
    public async Task A_view_in_memory_that_processes_would_share_is_refused_and_says_what_to_do()
    {
        var node = Node.Create(await broker.NewHostAsync(), brook => brook.Count());

        var error = await Assert.ThrowsAsync<BrookException>(() => node.StartAsync(Token));

        Assert.Equal("Brook instance 'brook' keeps its view in memory, and the bus runs on a broker: with several processes each would have a part of the view. Keep it in a store that they share (brook.UseRedis(...), for one), or give every process the whole view with brook.UseInMemory(perNode: true).", error.Message);
    }

    [Fact]
    public async Task Every_node_has_the_whole_view_when_it_is_kept_per_node()
    {
        var host = await broker.NewHostAsync();
        await using var one = await Node.StartAsync(host, brook => brook.UseInMemory(perNode: true).Count());
        await using var two = await Node.StartAsync(host, brook => brook.UseInMemory(perNode: true).Count());

        for (var number = 1; number <= 10; number++) await one.Brook.SendAsync(Steps.Of("a", number), Token);

        foreach (var node in new[] { one, two }) await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 10);
    }
}
