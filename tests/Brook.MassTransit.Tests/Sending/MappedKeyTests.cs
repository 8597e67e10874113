using Brook.MassTransit.Tests.Support;

namespace Brook.MassTransit.Tests.Sending;

public sealed class MappedKeyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_key_that_a_mapping_makes_decides_the_partition_and_travels()
    {
        var keys = new System.Collections.Concurrent.ConcurrentBag<string?>();
        await using var harness = await Some.HarnessAsync(brook => brook.Stream("orders", partitions: 8).Event<OrderPlaced>("order:placed", key: order => order.Id).On<OrderPlaced>("order:placed", e =>
        {
            keys.Add(e.Key);
            return default;
        }));

        for (var i = 0; i < 50; i++)
        {
            var mapped = await harness.Brook.SendAsync("order:placed", new OrderPlaced($"{i}", 1), cancellationToken: Token);
            var own = await harness.Brook.SendAsync("order:placed", new OrderPlaced("x", 1), key: $"{i}", Token);
            Assert.Equal(own.Spans[0].Lane, mapped.Spans[0].Lane);
        }
        await harness.WhenIdleAsync(Token);

        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}").Order(StringComparer.Ordinal), keys.Distinct().Order(StringComparer.Ordinal));
        Assert.Equal("7", harness.Sent[14].Key);
    }
}
