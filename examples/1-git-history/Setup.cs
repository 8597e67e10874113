using Brook;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace GitHistory;

public static class Setup
{
    public static IHost BuildHost(Arguments arguments, Repository repository)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).AddConsoleFormatter<OneLine, ConsoleFormatterOptions>();
        builder.Logging.AddConsole(console => console.FormatterName = OneLine.Called);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(5));     // Ctrl+C while the store is away: what is not in the view then is sent again by the next run
        AddBrook(builder.Services, brook => UseStore(brook, arguments, repository));
        return builder.Build();
    }

    private static void UseStore(BrookBuilder brook, Arguments arguments, Repository repository)
    {
        if (arguments.Store == "redis") brook.UseRedis(arguments.Redis, redis => redis.Namespace = arguments.Namespace ?? $"git-history-{repository.FirstCommit[..12]}");
    }

    private static void AddBrook(IServiceCollection services, Action<BrookBuilder> useStore) => services.AddMassTransit(x =>
    {
        x.AddBrook(brook =>
        {
            brook.Author("git-history");
            brook.Stream("git", partitions: 4);                 // by path and by author: nothing here needs one order over all files
            brook.AddHandler<FilesHandler>();
            brook.AddHandler<CommitsHandler>();
            brook.AddHandler<HistoryHandler>();
            useStore(brook);
        });
        x.UsingInMemory((context, cfg) => cfg.ConfigureEndpoints(context));
    });
}
