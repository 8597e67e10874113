using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Kafka.Tests.Support;

/// <summary>A process whose stream is on Kafka, on a bus in its own memory.</summary>
internal sealed class Node(Action<IBusRegistrationConfigurator> bus) : BusNode(bus)
{
    public IBusControl Bus => Services.GetRequiredService<IBusControl>();
    public KafkaReader Reader => ((KafkaDriver)Services.GetRequiredKeyedService<BusBrook>("").Driver!).Reader!;

    /// <summary>A node on topic 'stream' whose view is in a store that nodes may share.</summary>
    public static Task<Node> StartAsync(string bootstrapServers, IViewStore store, Action<BrookBuilder>? brook = null, Action<KafkaBuilder>? kafka = null)
        => StartAsync(b => OnKafka(b.UseShared(store), bootstrapServers, brook, kafka));

    public static async Task<Node> StartAsync(Action<BrookBuilder> brook)
    {
        var node = Create(brook);
        await node.StartAsync(TestContext.Current.CancellationToken);
        return node;
    }

    /// <summary>Not started yet.</summary>
    public static Node Create(Action<BrookBuilder> brook) => new(x =>
    {
        x.AddBrook(brook);
        x.UsingInMemory();
    });

    public static void OnKafka(BrookBuilder brook, string bootstrapServers, Action<BrookBuilder>? more = null, Action<KafkaBuilder>? kafka = null)
    {
        brook.UseKafka(bootstrapServers, k =>
        {
            k.Topic("stream").Group("view").Fast();
            kafka?.Invoke(k);
        });
        if (more is null) brook.Count();
        else more(brook);
    }
}
