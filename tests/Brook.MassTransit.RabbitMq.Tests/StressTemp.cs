using Brook.MassTransit.RabbitMq.Tests.Support;
using Brook.Storage;
using Brook.TestServers;
using MassTransit;
namespace Brook.MassTransit.RabbitMq.Tests;
public sealed class StressTemp
{
    [Fact(Explicit = true)]
    public async Task Restarts()
    {
        var token = TestContext.Current.CancellationToken;
        await using var own = await RabbitMqServer.StartAsync(cancellationToken: token);
        var store = new InMemoryViewStore();
        void Say(string s) { File.AppendAllText("/tmp/stress.log", $"{DateTime.UtcNow:HH:mm:ss.fff} {s}\n"); }
        var nodes = await Task.WhenAll(Node.StartAsync(own.Uri, b => b.UseShared(store).Stream("stream", 4).Count(), x => FileLog.To(x)), Node.StartAsync(own.Uri, b => b.UseShared(store).Stream("stream", 4).Count(), x => FileLog.To(x)));
        Say("started");
        if (own.LogTail(2000).Contains("INTERNAL", StringComparison.Ordinal) || own.LogTail(2000).Contains("crash", StringComparison.OrdinalIgnoreCase)) Say(own.LogTail(400));
        var number = 0;
        for (var round = 0; round < 14; round++)
        {
            var from = number + 1; number += 300; var to = number;
            var sending = Task.WhenAll(Enumerable.Range(0, 8).Select(key => Task.Run(async () => { for (var n = from; n <= to; n++) await nodes[key % 2].Brook.SendAsync(Steps.Of($"k{key}", n), token); })));
            await Task.Delay(30, token);
            await own.RestartAsync(token);
            Say($"round {round} restarted");
            var deadline = DateTime.UtcNow.AddSeconds(40);
            while (DateTime.UtcNow < deadline)
            {
                if (sending.IsCompleted) { var ok = true; for (var k = 0; k < 8; k++) ok &= await nodes[0].View.GetAsync(Steps.Last, $"k{k}", token) == to; if (ok) break; }
                await Task.Delay(50, token);
            }
            if (DateTime.UtcNow >= deadline)
            {
                Say($"STALL sending {sending.Status}");
                for (var k = 0; k < 8; k++) Say($"k{k} {await nodes[0].View.GetAsync(Steps.Last, $"k{k}", token)} of {to}");
                Say(await own.RunCtlAsync("list_queues", "name", "messages_ready", "messages_unacknowledged", "consumers"));
                Say(await own.RunCtlAsync("list_consumers"));
                return;
            }
        }
        Say("all fine");
    }
}
