using System.Collections.Concurrent;

namespace Brook.MassTransit.Testing;

internal static class NodeCases
{
    private static bool ManyNodes(TransportFeatures features) => features.ManyNodes;

    public static readonly TransportCase[] All =
    [
        new("nodes share a stream, and each event is applied once", ManyNodes, async probe =>
        {
            var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => probe.StartAsync()));
            await Task.WhenAll(nodes.SelectMany((node, n) => Enumerable.Range(0, 4).Select(caller => Task.Run(() => probe.SendAsync(node, $"k{n}/{caller}", 1, 200)))));
            for (var n = 0; n < 3; n++)
                for (var caller = 0; caller < 4; caller++) await probe.HasAllAsync($"k{n}/{caller}", 200);
            probe.Equal("events set aside", 0L, await nodes[0].Parked.CountAsync(probe.Cancellation));
        }),
        new("a second node takes its share of the lanes", ManyNodes, async probe =>
        {
            var (one, two) = (new ConcurrentDictionary<string, bool>(), new ConcurrentDictionary<string, bool>());
            var first = await probe.StartAsync(handling: e => one[e.Position.Lane] = true);
            for (var key = 0; key < 20; key++) await probe.SendAsync(first, $"k{key}", 1, 1);
            for (var key = 0; key < 20; key++) await probe.HasAllAsync($"k{key}", 1);
            probe.Equal("lanes of the only node", 4, one.Count);
            await probe.StartAsync(handling: e => two[e.Position.Lane] = true);
            var number = 1;
            await probe.UntilAsync("lanes of the second node", 2, async () =>
            {
                number++;
                for (var key = 0; key < 20; key++) await probe.SendAsync(first, $"k{key}", number, number);
                return two.Count;
            });
            for (var key = 0; key < 20; key++) await probe.HasAllAsync($"k{key}", number);
            probe.Equal("events set aside", 0L, await first.Parked.CountAsync(probe.Cancellation));
        }),
        new("the lanes of a node that stops in the middle go on elsewhere, in order", ManyNodes, async probe =>
        {
            var first = await probe.StartAsync();
            var second = await probe.StartAsync();
            var sending = Task.WhenAll(Enumerable.Range(0, 8).Select(key => Task.Run(() => probe.SendAsync(second, $"k{key}", 1, 500))));
            await probe.UntilAsync("something is applied", true, async () => await probe.ReadAsync(probe.Store, "k0") > 20);
            await first.StopAsync();
            await sending;
            for (var key = 0; key < 8; key++) await probe.HasAllAsync($"k{key}", 500);
            probe.Equal("events set aside", 0L, await second.Parked.CountAsync(probe.Cancellation));
        }),
        new("a receipt is waited for on another node", ManyNodes, async probe =>
        {
            var failing = "fails";
            void Handling(BrookEvent<Step> e)
            {
                if (e.Key == failing) throw new InvalidOperationException("told to");
            }
            var nodes = new[] { await probe.StartAsync(handling: Handling), await probe.StartAsync(handling: Handling) };
            for (var number = 1; number <= 10; number++)
            {
                var receipts = await Task.WhenAll(Enumerable.Range(0, 8).Select(key => nodes[key % 2].Brook.SendAsync(TransportProbe.Step($"k{key}", number), probe.Cancellation).AsTask()));
                for (var key = 0; key < 8; key++)
                    foreach (var node in nodes)
                    {
                        probe.Equal("the wait's end", WaitResult.Applied, await node.View.WaitForAsync(Receipt.Parse(receipts[key].ToString()), cancellationToken: probe.Cancellation));
                        probe.Equal($"the last number of k{key} then", number, await node.View.GetAsync(TransportProbe.Last, $"k{key}", probe.Cancellation));
                    }
            }
            var failed = await nodes[0].Brook.SendAsync(TransportProbe.Step(failing, 1), probe.Cancellation);
            foreach (var node in nodes) probe.Equal("the wait's end for an event that fails", WaitResult.SetAside, await node.View.WaitForAsync(failed, cancellationToken: probe.Cancellation));
        }),
        new("who waits while the lanes go to another node gets the answer", ManyNodes, async probe =>
        {
            var first = await probe.StartAsync();
            for (var key = 0; key < 8; key++) await probe.SendAsync(first, $"k{key}", 1, 1);
            for (var key = 0; key < 8; key++) await probe.HasAllAsync($"k{key}", 1);
            await first.StopAsync();
            var sender = await probe.StartSenderAsync();
            var receipts = await Task.WhenAll(Enumerable.Range(0, 8).Select(key => sender.Brook.SendAsync(TransportProbe.Step($"k{key}", 2), probe.Cancellation).AsTask()));
            var second = await probe.StartAsync();
            var waits = receipts.Select(receipt => second.View.WaitForAsync(receipt, TimeSpan.FromSeconds(60), probe.Cancellation).AsTask()).ToArray();
            await probe.StartAsync();                           // some of the lanes go there, or do not
            foreach (var wait in waits) probe.Equal("the wait's end", WaitResult.Applied, await wait);
        }),
        new("what is sent while no node runs is applied when one does", ManyNodes, async probe =>
        {
            await (await probe.StartAsync()).StopAsync();
            var sender = await probe.StartSenderAsync();
            await probe.SendAsync(sender, "a", 1, 100);
            await probe.StartAsync();
            await probe.HasAllAsync("a", 100);
        }),
        new("a restart of the broker loses and doubles nothing", features => features is { ManyNodes: true, Restart: true }, async probe =>
        {
            var nodes = await Task.WhenAll(probe.StartAsync(), probe.StartAsync());
            var sending = Task.WhenAll(Enumerable.Range(0, 8).Select(key => Task.Run(() => probe.SendAsync(nodes[key % 2], $"k{key}", 1, 300))));
            await probe.UntilAsync("something is applied", true, async () => await probe.ReadAsync(probe.Store, "k0") > 20);
            await probe.Transport.RestartAsync!(probe.Cancellation);
            await probe.EndsAsync("sending", sending);
            for (var key = 0; key < 8; key++) await probe.HasAllAsync($"k{key}", 300);
            probe.Equal("events set aside", 0L, await nodes[0].Parked.CountAsync(probe.Cancellation));
        }),
        new("an applied event is told to every other node, and to itself not", ManyNodes, async probe =>
        {
            var heard = Enumerable.Range(0, 3).Select(_ => new ConcurrentQueue<bool>()).ToArray();
            var nodes = new List<TransportNode>();
            foreach (var queue in heard) nodes.Add(await probe.StartAsync(brook => brook.ForwardToAllNodes(), e => queue.Enqueue(e.Forwarded)));
            await probe.SendAsync(nodes[0], "a", 1, 10);
            await probe.HasAllAsync("a", 10);
            await probe.UntilAsync("how often handlers ran on all nodes", 30, () => new(heard.Sum(queue => queue.Count)));
            probe.Equal("how often on a forwarded event", 20, heard.Sum(queue => queue.Count(forwarded => forwarded)));
        }),
    ];
}
