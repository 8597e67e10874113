using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Bench;

/// <summary>A host without logging, on MassTransit's in-memory transport.</summary>
internal static class BusHost
{
    /// <summary>MassTransit keeps its log context in the async flow, so each host is started in one of its own.</summary>
    public static async Task<IHost> StartAsync(Action<IBusRegistrationConfigurator> configure, int? limit = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<Arrivals>();
        builder.Services.AddSingleton<HandwrittenView>();
        builder.Services.AddMassTransit(x =>
        {
            configure(x);
            x.UsingInMemory((context, bus) =>
            {
                if (limit is not null) bus.ConcurrentMessageLimit = limit;
                bus.ConfigureEndpoints(context);
            });
        });
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
