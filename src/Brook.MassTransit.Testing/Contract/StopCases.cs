using Brook.Testing;

namespace Brook.MassTransit.Testing;

internal static class StopCases
{
    public static readonly TransportCase[] All =
    [
        new("a stop finishes what is at work, and what was sent before it is not lost", async probe =>
        {
            var slow = true;
            var node = await probe.StartAsync(handling: e => { if (slow && e.Data.Number == 1) Thread.SpinWait(2_000_000); });
            await Task.WhenAll(Enumerable.Range(0, 20).Select(key => Task.Run(() => probe.SendAsync(node, $"k{key}", 1, 10))));
            await probe.EndsAsync("the stop", node.StopAsync());
            slow = false;
            if (probe.OutlivesNodes) await probe.StartAsync();
            for (var key = 0; key < 20; key++) await probe.HasAllAsync($"k{key}", 10);
        }),
        new("a stop does not wait for a store that is away longer than its timeout", async probe =>
        {
            var store = new FaultyViewStore(probe.Store);
            var node = await probe.StartAsync(brook => brook.UseStore(_ => store), stopTimeout: TimeSpan.FromSeconds(2));
            await probe.SendAsync(node, "a", 1, 1);
            await probe.HasAllAsync("a", 1);
            store.IsAway = true;
            await probe.SendAsync(node, "a", 2, 10);
            await probe.EndsAsync("the stop", node.StopAsync());
            store.IsAway = false;
            if (!probe.OutlivesNodes) return;
            await probe.StartAsync();
            await probe.HasAllAsync("a", 10);
        }),
        new("sending after the stop has begun is refused with the reason", async probe =>
        {
            var node = await probe.StartAsync();
            await node.StopAsync();
            try { await node.Brook.SendAsync(TransportProbe.Step("a", 1), probe.Cancellation); }
            catch (BrookException e) when (e.Message.Contains("stopping", StringComparison.Ordinal)) { return; }
            throw new TransportContractException("'sending after the stop has begun is refused with the reason': it was not refused.");
        }),
    ];
}
