using System.Collections.Concurrent;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;
using static Brook.MassTransit.Tests.Support.StreamMessages;

namespace Brook.MassTransit.Tests.Receiving;

/// <summary>One bus, two node ids: what a node forwards comes to the other, and not back to itself. (Nodes that are processes need a broker.)</summary>
public sealed class ForwardingTests
{
    private static readonly ViewCollection<int> Counts = "counts";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Applied_and_discarded_events_are_forwarded_and_failed_ones_are_not()
    {
        var heard = new BlockingCollection<string>();
        await using var harness = await Some.HarnessAsync(brook => brook.ForwardToAllNodes("a").On<int>("number", e => e.Data switch
        {
            < 0 => throw new InvalidOperationException("negative"),
            0 => Discard,
            _ => Merge(Counts, "all", n => n + e.Data),
        }));
        var other = harness.Services.GetRequiredService<IReceiveEndpointConnector>().ConnectReceiveEndpoint("node-b", (_, endpoint) =>
        {
            endpoint.ConfigureConsumeTopology = false;
            ((IInMemoryReceiveEndpointConfigurator)endpoint).Bind("brook.brook.brook.forward");
            endpoint.ClearSerialization();
            endpoint.AddSerializer(StreamSerializer.Instance);
            endpoint.AddDeserializer(StreamSerializer.Instance, isDefault: true);
            endpoint.Handler<StreamMessage>(context =>
            {
                heard.Add($"{context.ReceiveContext.TransportHeaders.Get<string>("Brook-Node")}: {System.Text.Encoding.UTF8.GetString(context.Message.Lines)}");
                return Task.CompletedTask;
            });
        });
        await other.Ready.WithDeadline();

        await harness.SendAsync([new BrookEvent<int>("number", 1), new BrookEvent<int>("number", 0), new BrookEvent<int>("number", -1)], Token);

        Assert.True(heard.TryTake(out var message, TimeSpan.FromSeconds(30)));
        Assert.StartsWith("a: ", message, StringComparison.Ordinal);
        Assert.Equal(2, message.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(1, await harness.View.GetAsync(Counts, "all", Token));
    }

    [Fact]
    public async Task A_forwarded_event_runs_the_handlers_and_changes_nothing_and_a_nodes_own_is_passed_over()
    {
        var seen = new BlockingCollection<(bool Forwarded, int Data)>();
        await using var harness = await Some.HarnessAsync(brook => brook.ForwardToAllNodes("b").On<int>("number", e =>
        {
            seen.Add((e.Forwarded, e.Data));
            return Merge(Counts, "all", n => n + e.Data);
        }));
        var endpoint = await harness.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri("exchange:brook.brook.brook.forward"));

        foreach (var (node, data) in new[] { ("b", 1), ("a", 2) })
            await endpoint.Send(new StreamMessage(System.Text.Encoding.UTF8.GetBytes(Line("number", $"{data}", "k"))), Pipe.Execute<SendContext<StreamMessage>>(context =>
            {
                context.Serializer = StreamSerializer.Instance;
                new StreamHeaders("1", "brook", 1, 1, TimeProvider.System.GetUtcNow(), node).WriteTo(context.Headers);
            }), Token);

        Assert.True(seen.TryTake(out var first, TimeSpan.FromSeconds(30)));
        Assert.Equal((true, 2), first);
        Assert.Equal(0, await harness.View.CountAsync(Counts, Token));
    }
}
