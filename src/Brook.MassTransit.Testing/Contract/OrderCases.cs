namespace Brook.MassTransit.Testing;

internal static class OrderCases
{
    public static readonly TransportCase[] All =
    [
        new("the events of a key are applied in the order of sending, whoever else sends", async probe =>
        {
            const int Callers = 32, Each = 100;
            var node = await probe.StartAsync();
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(() => probe.SendAsync(node, $"k{caller}", 1, Each))));
            for (var caller = 0; caller < Callers; caller++) await probe.HasAllAsync($"k{caller}", Each);
            probe.Equal("events set aside", 0L, await node.Parked.CountAsync(probe.Cancellation));
        }),
        new("events that are sent together are applied in their order", async probe =>
        {
            var node = await probe.StartAsync();
            await node.Brook.SendManyAsync(Enumerable.Range(0, 3000).Select(i => TransportProbe.Step($"k{i % 7}", i / 7 + 1)), probe.Cancellation);
            for (var key = 0; key < 7; key++) await probe.HasAllAsync($"k{key}", (3000 - key + 6) / 7);
        }),
        new("a failing event is set aside with those behind it, and others go on", async probe =>
        {
            var node = await probe.StartAsync();
            await node.Brook.SendManyAsync([TransportProbe.Step("a", 1), TransportProbe.Step("b", 2), TransportProbe.Step("b", 1), TransportProbe.Step("a", 2)], probe.Cancellation);
            await probe.HasAllAsync("a", 2);
            await probe.UntilAsync("events set aside", 2L, () => node.Parked.CountAsync(probe.Cancellation));
            probe.Equal("the last number of b", 0, await probe.ReadAsync(probe.Store, "b"));
        }),
    ];
}
