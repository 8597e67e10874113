using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.RabbitMq.Tests.Support;

/// <summary>A process on a bus on RabbitMQ.</summary>
internal sealed class Node(Action<IBusRegistrationConfigurator> bus) : BusNode(bus)
{
    public IBus Bus => Services.GetRequiredService<IBus>();
    public RabbitMqLanes Lanes => (RabbitMqLanes)Services.GetRequiredKeyedService<BusBrook>("").Lanes!;
    public int ActiveLanes => Lanes.Active;

    public static async Task<Node> StartAsync(Uri broker, Action<BrookBuilder> brook, Action<IBusRegistrationConfigurator>? bus = null, CancellationToken? token = null)
    {
        var node = Create(broker, brook, bus);
        await node.StartAsync(token ?? TestContext.Current.CancellationToken);
        return node;
    }

    /// <summary>Not started yet.</summary>
    public static Node Create(Uri broker, Action<BrookBuilder> brook, Action<IBusRegistrationConfigurator>? bus = null) => new(x =>
    {
        x.AddBrook(brook);
        bus?.Invoke(x);
        x.UsingRabbitMq((context, cfg) =>
        {
            cfg.Host(broker);
            cfg.ConfigureEndpoints(context);
        });
    });
}
