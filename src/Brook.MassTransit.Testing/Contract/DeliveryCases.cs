using Brook.Storage;
using Brook.Testing;

namespace Brook.MassTransit.Testing;

internal static class DeliveryCases
{
    private sealed record Split(int Parts);

    public static readonly TransportCase[] All =
    [
        new("who sent can wait until it is applied", async probe =>
        {
            var node = await probe.StartAsync();
            var receipt = await node.Brook.SendAsync(TransportProbe.Step("a", 1), probe.Cancellation);
            probe.Equal("the wait's end", WaitResult.Applied, await node.View.WaitForAsync(receipt, cancellationToken: probe.Cancellation));
            probe.Equal("the last number of a", 1, await node.View.GetAsync(TransportProbe.Last, "a", probe.Cancellation));
        }),
        new("large events arrive whole", async probe =>
        {
            var node = await probe.StartAsync(brook => brook.On<Step>("step", e => e.Data.Load.Length is 0 or 900_000 ? Change.Discard : throw new InvalidOperationException($"{e.Data.Load.Length} bytes")));
            var large = new string('x', 900_000);
            await probe.SendAsync(node, "a", 1, 1);
            await probe.SendAsync(node, "a", 2, 4, large);
            await probe.SendAsync(node, "a", 5, 5);
            await probe.HasAllAsync("a", 5);
        }),
        new("an event that was sent twice with its caller's id is applied once", async probe =>
        {
            var node = await probe.StartAsync();
            var step = new BrookEvent<Step>("step", new Step(1)) { Key = "a", Id = Guid.CreateVersion7() };
            await node.Brook.SendAsync(step, probe.Cancellation);
            await node.Brook.SendAsync(step, probe.Cancellation);
            await probe.SendAsync(node, "a", 2, 2);
            await probe.HasAllAsync("a", 2);
            probe.Equal("events set aside", 0L, await node.Parked.CountAsync(probe.Cancellation));
        }),
        new("what handlers send arrives in order and once, also when it is sent again after a crash", async probe =>
        {
            Action<BrookBuilder> splits = brook => brook.On<Split>("split", e => [.. Enumerable.Range(1, e.Data.Parts).Select(number => Change.Send("step", new Step(number), "b"))]);
            var node = await probe.StartAsync(splits);
            await node.Brook.SendAsync(new BrookEvent<Split>("split", new(50)) { Key = "a" }, probe.Cancellation);
            await probe.HasAllAsync("b", 50);
            await node.StopAsync();
            await probe.PutBackIntoOutboxAsync("b");
            var next = await probe.StartAsync(splits);
            for (var key = 0; key < 16; key++) await probe.SendAsync(next, $"wakes lane {key}", 1, 1);      // some transports open a lane with its first message
            await probe.UntilAsync("the rows of the outbox", 0L, () => probe.Store.CountAsync("$outbox", probe.Cancellation));
            await probe.SendAsync(next, "b", 51, 51);               // behind what was sent again
            await probe.HasAllAsync("b", 51);
            probe.Equal("events set aside", 0L, await next.Parked.CountAsync(probe.Cancellation));
        }),
        new("a store that goes away and comes back loses nothing", async probe =>
        {
            var store = new FaultyViewStore(probe.Store);
            var node = await probe.StartAsync(brook => brook.UseStore(_ => store));
            await probe.SendAsync(node, "a", 1, 50);
            store.IsAway = true;
            await probe.SendAsync(node, "a", 51, 100);
            store.IsAway = false;
            await probe.HasAllAsync("a", 100);
        }),
        new("answers of the store that get lost double nothing", async probe =>
        {
            var store = new FaultyViewStore(probe.Store);
            store.FailEvery(FaultPoint.AfterCommit, 3);
            var node = await probe.StartAsync(brook => brook.UseStore(_ => store));
            await probe.SendAsync(node, "a", 1, 100);
            await probe.HasAllAsync("a", 100);
        }),
        new("two instances on one stream each have all of it", async probe =>
        {
            var other = new InMemoryViewStore();
            var node = await probe.StartTwoAsync(other);
            await probe.SendAsync(node, "a", 1, 100);
            await probe.HasAllAsync("a", 100);
            await probe.HasAllAsync("a", 100, other);
        }),
    ];
}
