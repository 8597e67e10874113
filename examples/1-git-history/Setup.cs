using Brook;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace GitHistory;

public static class Setup
{
    public static IHost BuildHost()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        AddBrook(builder.Services);
        return builder.Build();
    }

    private static void AddBrook(IServiceCollection services) => services.AddMassTransit(x =>
    {
        x.AddBrook(brook =>
        {
            brook.Author("git-history");
            brook.Stream("git", partitions: 4);                 // by path and by author: nothing here needs one order over all files
            brook.AddHandler<FilesHandler>();
            brook.AddHandler<CommitsHandler>();
        });
        x.UsingInMemory((context, cfg) => cfg.ConfigureEndpoints(context));
    });
}
