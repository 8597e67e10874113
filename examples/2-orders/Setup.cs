using Brook;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Shop;

public static class Setup
{
    public static IHost BuildHost()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();                       // only what Program.cs prints; leave it out and Brook tells why an event was set aside
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(brook =>
            {
                brook.Author("orders-service");
                brook.AddHandler<OrderHandler>();
            });
            x.UsingInMemory((context, cfg) => cfg.ConfigureEndpoints(context));
        });
        return builder.Build();
    }
}
