using Brook.MassTransit.RabbitMq.Tests.Support;
using Brook.TestServers;

namespace Brook.MassTransit.RabbitMq.Tests.Receiving;

/// <summary>Two nodes with a view in Redis: whoever has a lane, both wait, so one of them waits for the other.</summary>
public sealed class WaitingTests(Broker broker)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_that_comes_to_another_node_with_its_receipt_reads_what_was_sent()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        var host = await broker.NewHostAsync();
        void Setup(BrookBuilder brook) => brook.UseRedis(redis.ConnectionString).Stream("steps", 4).Count();
        await using var one = await Node.StartAsync(host, Setup);
        await using var two = await Node.StartAsync(host, Setup);

        for (var number = 1; number <= 20; number++)
            for (var key = 0; key < 8; key++)
            {
                var receipt = (await one.Brook.SendAsync(Steps.Of($"k{key}", number), Token)).ToString();
                Assert.Equal(number, await two.View.GetAsync(Steps.Last, $"k{key}", atLeast: Receipt.Parse(receipt), cancellationToken: Token));
                Assert.Equal(number, await one.View.GetAsync(Steps.Last, $"k{key}", atLeast: Receipt.Parse(receipt), cancellationToken: Token));
            }
        var failing = await two.Brook.SendAsync(Steps.Of("k0", 7), Token);
        Assert.Equal([WaitResult.SetAside, WaitResult.SetAside], await Task.WhenAll(one.View.WaitForAsync(failing, cancellationToken: Token).AsTask(), two.View.WaitForAsync(failing, cancellationToken: Token).AsTask()));
    }
}
