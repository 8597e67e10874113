using Brook;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace GitHistory;

public static class Setup
{
    public const int Partitions = 4;            // by path and by author: nothing here needs one order over all files

    public static IHost BuildHost(Arguments arguments, Repository repository)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).AddConsoleFormatter<OneLine, ConsoleFormatterOptions>();
        builder.Logging.AddConsole(console => console.FormatterName = OneLine.Called);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(5));     // Ctrl+C while the store is away: what is not in the view then is sent again by the next run
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(brook => AddHandlers(brook, arguments, NameOf(arguments, repository)));
            if (arguments.Transport == "rabbitmq") x.UsingRabbitMq((context, cfg) =>
            {
                cfg.Host(arguments.RabbitMq);
                cfg.ConfigureEndpoints(context);
            });
            else x.UsingInMemory((context, cfg) => cfg.ConfigureEndpoints(context));     // beside Kafka the bus may be of any kind
        });
        return builder.Build();
    }

    /// <summary>What outlives this process is called after the repository, so that two of them do not meet: the stream or topic on a broker, the keys in a store.</summary>
    public static string NameOf(Arguments arguments, Repository repository) => arguments.Namespace ?? $"git-history-{repository.FirstCommit[..12]}";

    private static void AddHandlers(BrookBuilder brook, Arguments arguments, string name)
    {
        brook.Author("git-history");
        if (arguments.Transport == "kafka") brook.UseKafka(arguments.Kafka, kafka => kafka.Topic(name).Group(name).Consumer(consumer => consumer.SessionTimeoutMs = 6000));      // so soon the share of one that was killed goes to the others
        else brook.Stream(arguments.IsOnBroker ? name : "git", Partitions);
        brook.AddHandler<FilesHandler>();
        brook.AddHandler<CommitsHandler>();
        brook.AddHandler<HistoryHandler>();
        if (arguments.Store == "redis") brook.UseRedis(arguments.Redis, redis => redis.Namespace = name);
        if (arguments.Store == "sqlite") brook.UseSqlite(arguments.File ?? $"{name}.db");
        if (arguments.Store == "postgres") brook.UsePostgres(arguments.Postgres, postgres => postgres.Schema = name);
    }
}
