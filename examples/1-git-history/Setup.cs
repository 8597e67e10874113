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

    private static void AddBrook(IServiceCollection services) => services.AddBrookInProcess(brook => brook
        .Author("git-history")
        .AddHandler<FilesHandler>()
        .AddHandler<CommitsHandler>());
}
