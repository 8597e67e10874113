using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Bench;

/// <summary>A host without logging, on MassTransit's in-memory transport or a broker.</summary>
internal static class BusHost
{
    public static Task<IHost> StartAsync(Action<IBusRegistrationConfigurator> configure, int? limit = null) => StartAsync(services =>
    {
        services.AddSingleton<Arrivals>();
        services.AddSingleton<HandwrittenView>();
        services.AddMassTransit(x =>
        {
            configure(x);
            x.UsingInMemory((context, bus) =>
            {
                if (limit is not null) bus.ConcurrentMessageLimit = limit;
                bus.ConfigureEndpoints(context);
            });
        });
    });

    /// <summary>On a virtual host of a broker, which it is connected to when it has started; endpoints of consumers are quorum queues.</summary>
    public static Task<IHost> StartAsync(Uri broker, Action<IBusRegistrationConfigurator> configure, int? limit = null, Action<IServiceCollection>? add = null) => StartAsync(services =>
    {
        add?.Invoke(services);
        services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        services.AddMassTransit(x =>
        {
            configure(x);
            x.AddConfigureEndpointsCallback((_, endpoint) => ((IRabbitMqReceiveEndpointConfigurator)endpoint).SetQuorumQueue());
            x.UsingRabbitMq((context, bus) =>
            {
                bus.Host(broker);
                if (limit is not null) bus.ConcurrentMessageLimit = limit;
                bus.ConfigureEndpoints(context);
            });
        });
    });

    /// <summary>MassTransit keeps its log context in the async flow, so each host is started in one of its own.</summary>
    private static async Task<IHost> StartAsync(Action<IServiceCollection> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        configure(builder.Services);
        var host = builder.Build();
        Task starting;
        using (ExecutionContext.SuppressFlow()) starting = Task.Run(() => host.StartAsync());
        await starting;
        return host;
    }

    public static async ValueTask StopAsync(IHost host)
    {
        await host.StopAsync();
        host.Dispose();
    }
}
