namespace Brook.MassTransit.Testing;

internal static class ParkingCases
{
    public static readonly TransportCase[] All =
    [
        new("what was set aside is applied in order when it is retried, and what comes meanwhile behind it", async probe =>
        {
            var broken = true;
            var node = await probe.StartAsync(handling: e => Fail(e, Volatile.Read(ref broken)));
            await probe.SendAsync(node, "a", 1, 40);
            await probe.UntilAsync("events set aside", 36L, () => node.Parked.CountAsync(probe.Cancellation));
            Volatile.Write(ref broken, false);
            var sending = probe.SendAsync(node, "a", 41, 200);
            await node.Parked.RetryAsync("a", probe.Cancellation);
            await sending;
            await probe.HasAllAsync("a", 200);
            probe.Equal("events set aside", 0L, await node.Parked.CountAsync(probe.Cancellation));
        }),
        new("lanes that move while two nodes retry what they have set aside keep its order", features => features.ManyNodes, async probe =>
        {
            var broken = true;
            var nodes = new List<TransportNode>();
            for (var n = 0; n < 2; n++) nodes.Add(await probe.StartAsync(handling: e => Fail(e, Volatile.Read(ref broken))));
            await Task.WhenAll(Enumerable.Range(0, 8).Select(key => probe.SendAsync(nodes[key % 2], $"k{key}", 1, 40)));
            await probe.UntilAsync("events set aside", 8L * 36, () => nodes[0].Parked.CountAsync(probe.Cancellation));
            Volatile.Write(ref broken, false);
            var sending = Task.WhenAll(Enumerable.Range(0, 8).Select(key => Task.Run(() => probe.SendAsync(nodes[1], $"k{key}", 41, 300))));
            var retrying = nodes[1].Parked.RetryAllAsync(probe.Cancellation).AsTask();
            await nodes[0].Parked.RetryAllAsync(probe.Cancellation);
            await nodes[0].StopAsync();
            await retrying;
            await sending;
            for (var key = 0; key < 8; key++) await probe.HasAllAsync($"k{key}", 300);
            await probe.UntilAsync("events set aside", 0L, async () =>
            {
                await nodes[1].Parked.RetryAllAsync(probe.Cancellation);
                return await nodes[1].Parked.CountAsync(probe.Cancellation);
            });
        }),
    ];

    private static void Fail(BrookEvent<Step> e, bool broken)
    {
        if (broken && e.Data.Number == 5) throw new InvalidOperationException("broken for now");
    }
}
