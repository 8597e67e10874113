// A worker as an application would set it up: a host with MassTransit, Brook, RabbitMQ and Redis.
using System.Globalization;
using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Brook.Faults;

/// <summary>What a worker is told about a trial over RabbitMQ.</summary>
/// <param name="Place">Where the store is.</param>
/// <param name="Broker">amqp://..., with the virtual host.</param>
/// <param name="Heartbeat">Seconds; 0: MassTransit's default.</param>
/// <param name="Slow">Commits take up to so many milliseconds more, half before and half after: whoever is killed is killed in one.</param>
internal sealed record RabbitOrders(string Store, string Place, string Broker, int Heartbeat, int Partitions, int BatchEvents, int Slow, string? Without);

/// <summary>Says "ready", then counts, lanes it commits for, lanes it hands back and lanes it lost.</summary>
internal sealed class RabbitWorker : IPart
{
    private static readonly TimeSpan s_told = TimeSpan.FromMilliseconds(50), s_stopping = TimeSpan.FromSeconds(15);
    private static readonly LogLevel s_level = Environment.GetEnvironmentVariable("BROOK_FAULTS_LOG") is { } level ? Enum.Parse<LogLevel>(level) : LogLevel.Information;
    private readonly Action<string> _say;
    private readonly Counting _store;
    private readonly IHost _host;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _running;

    public RabbitWorker(RabbitOrders orders, Action<string> say)
    {
        _say = say;
        var store = Store.Of(orders.Store).Open(orders.Place, timeout: 5_000);
        if (orders.Without is { } name && RabbitFault.Guards.First(guard => guard.Name == name).Remove is { } remove) store = remove(store);
        _store = new Counting(orders.Slow > 0 ? new Slow(store, orders.Slow) : store);
        _host = Host(orders.Broker, orders.Heartbeat, Console.Error.WriteLine, HearLog, brook =>
        {
            (brook.Options.BatchEvents, brook.Options.HandlerAttempts, brook.Options.RetryDelay) = (orders.BatchEvents, 1, TimeSpan.FromMilliseconds(10));
            View.AddHandlers(brook).Stream(RabbitTrial.Stream, orders.Partitions).UseStore(_ => _store);
        });
        using (ExecutionContext.SuppressFlow()) _running = Task.Run(RunAsync);       // MassTransit keeps what it logs to in the flow of execution
    }

    /// <summary>As any application with Brook on RabbitMQ.</summary>
    public static IHost Host(string broker, int heartbeat, Action<string> log, Action<EventId, IReadOnlyList<KeyValuePair<string, object?>>> heard, Action<BrookBuilder> configure)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(s_level).AddProvider(new ErrorOutput(log, heard));
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = s_stopping);
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(configure);
            x.UsingRabbitMq((_, bus) => bus.Host(new Uri(broker), host =>
            {
                if (heartbeat > 0) host.Heartbeat(TimeSpan.FromSeconds(heartbeat));
            }));
        });
        return builder.Build();
    }

    public void Obey(string verb, long[] numbers) => throw new InvalidOperationException($"'{verb}' is not known.");

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running;
        _end.Dispose();
        await _store.DisposeAsync();
    }

    private async Task RunAsync()
    {
        try
        {
            await _host.StartAsync(_end.Token);
            _say("ready");
            while (!_end.IsCancellationRequested)
            {
                await Task.Delay(s_told, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Tell();
            }
            await _host.StopAsync(CancellationToken.None);
            Tell();
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested) { }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            _say($"failed {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ").Replace(';', ',')}");
        }
        finally
        {
            if (_host is IAsyncDisposable host) await host.DisposeAsync();
            else _host.Dispose();
        }
    }

    private void Tell()
    {
        var lanes = _store.Lanes.Keys.ToList();
        _store.Lanes.Clear();
        var (commits, conflicts, failures) = _store.Take();
        _say(string.Create(CultureInfo.InvariantCulture, $"counts {commits} {conflicts} {failures} {lanes.Count}"));
    }

    private void HearLog(EventId id, IReadOnlyList<KeyValuePair<string, object?>> values)
    {
        if (id.Name == "HandsBack") _say($"handed {values.First(value => value.Key == "Surplus").Value}");
        else if (id.Name == "LaneLost") _say("fenced");
    }

    /// <summary>Warnings and errors go to the process' log, which a trial that fails shows.</summary>
    private sealed class ErrorOutput(Action<string> log, Action<EventId, IReadOnlyList<KeyValuePair<string, object?>>> heard) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= s_level;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name != "SetAside" && (s_level < LogLevel.Information || logLevel >= LogLevel.Warning || eventId.Name == "HandsBack"))
                log($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel}: {formatter(state, exception)} {exception?.GetType().Name} {exception?.Message.Split('\n')[0]}");
            if (eventId.Name is not null && state is IReadOnlyList<KeyValuePair<string, object?>> values) heard(eventId, values);
        }

        public void Dispose() { }
    }

    /// <summary>A store that takes its time.</summary>
    private sealed class Slow(IViewStore inner, int most) : StoreOver(inner)
    {
        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            await Task.Delay(Random.Shared.Next((most / 2) + 1), cancellationToken);
            var result = await Inner.CommitAsync(commit, cancellationToken);
            await Task.Delay(Random.Shared.Next((most / 2) + 1), cancellationToken);
            return result;
        }
    }
}
