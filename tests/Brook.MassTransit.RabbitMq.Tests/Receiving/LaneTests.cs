using Brook.MassTransit.RabbitMq.Tests.Support;
using static Brook.Change;

namespace Brook.MassTransit.RabbitMq.Tests.Receiving;

public sealed class LaneTests(Broker broker)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_sent_is_in_the_view()
    {
        await using var node = await Node.StartAsync(await broker.NewHostAsync(), brook => brook.UseInMemory(perNode: true).Count());

        var receipt = await node.Brook.SendAsync(Steps.Of("a", 1), Token);

        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(receipt, cancellationToken: Token));
        Assert.Equal(1, await node.View.GetAsync(Steps.Last, "a", Token));
    }

    [Fact]
    public async Task Order_per_key_holds_for_many_callers_over_eight_partitions()
    {
        const int Callers = 64, Each = 200;
        await using var node = await Node.StartAsync(await broker.NewHostAsync(), brook => brook.UseInMemory(perNode: true).Stream("steps", 8).Count());

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var number = 1; number <= Each; number++) await node.Brook.SendAsync(Steps.Of($"k{caller}", number), Token);
        })).WithDeadline();

        for (var caller = 0; caller < Callers; caller++) await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, $"k{caller}", Token), last => last == Each);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task A_failing_event_is_set_aside_and_the_others_of_its_message_are_applied()
    {
        await using var node = await Node.StartAsync(await broker.NewHostAsync(), brook => brook.UseInMemory(perNode: true).Count());

        var receipt = await node.Brook.SendManyAsync([Steps.Of("a", 1), Steps.Of("b", 7), Steps.Of("a", 2)], Token);

        Assert.Equal(WaitResult.SetAside, await node.View.WaitForAsync(receipt, cancellationToken: Token));
        Assert.Equal((2, 0), (await node.View.GetAsync(Steps.Last, "a", Token), await node.View.GetAsync(Steps.Last, "b", Token)));
        Assert.Equal(1, await node.Parked.CountAsync(Token));
    }
}
