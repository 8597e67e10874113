// A worker as an application would set it up: a host with MassTransit, Brook, a transport and a store.
using System.Globalization;
using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Brook.Faults;

/// <summary>What a worker is told about a trial over a transport.</summary>
/// <param name="Transport">Its name.</param>
/// <param name="Store">The store's name.</param>
/// <param name="Place">Where the store is.</param>
/// <param name="Broker">Where the broker is.</param>
/// <param name="Tuning"><see cref="Transport.TuningOf"/>.</param>
/// <param name="Slow">Commits take up to so many milliseconds more, half before and half after: whoever is killed is killed in one.</param>
/// <param name="RetryAfter">Milliseconds after which what is set aside is tried again by itself; 0: not.</param>
internal sealed record BusOrders(string Transport, string Store, string Place, string Broker, int Tuning, int Partitions, int BatchEvents, int Slow, int RetryAfter, string? Without);

/// <summary>Says "ready", then counts, lanes it commits for, lanes it hands back and lanes it lost.</summary>
internal sealed class BusWorker : IPart
{
    private static readonly TimeSpan s_told = TimeSpan.FromMilliseconds(50), s_stopping = TimeSpan.FromSeconds(15);
    private static readonly LogLevel s_level = Environment.GetEnvironmentVariable("BROOK_FAULTS_LOG") is { } level ? Enum.Parse<LogLevel>(level) : LogLevel.Information;
    private readonly Action<string> _say;
    private readonly Transport _transport;
    private readonly Counting _store;
    private readonly IHost _host;
    private readonly CancellationTokenSource _end = new();
    private readonly Health _health = new();
    private readonly Retries _retries;
    private readonly Task _running;

    public BusWorker(BusOrders orders, Action<string> say)
    {
        (_say, _transport) = (say, Transport.Of(orders.Transport));
        var store = Store.Of(orders.Store).Open(orders.Place, timeout: 5_000);
        if (orders.Without is { } name && _transport.Guards.First(guard => guard.Name == name).Remove is { } remove) store = remove(store);
        _store = new Counting(new SlowStore(store, orders.Slow));
        _host = Host(_transport, orders.Broker, orders.Tuning, orders.Partitions, Console.Error.WriteLine, HearLog, _health, brook =>
        {
            (brook.Options.BatchEvents, brook.Options.HandlerAttempts, brook.Options.RetryDelay) = (orders.BatchEvents, 1, TimeSpan.FromMilliseconds(10));
            Retries.ByThemselves(brook.Options, orders.RetryAfter);
            View.AddHandlers(brook, _health).UseStore(_ => _store);
        });
        _retries = new(_host.Services.GetRequiredService<IParkedEvents>, say);
        using (ExecutionContext.SuppressFlow()) _running = Task.Run(RunAsync);       // MassTransit keeps what it logs to in the flow of execution
    }

    /// <summary>As any application with Brook on a bus.</summary>
    /// <param name="others">More instances on the same stream.</param>
    public static IHost Host(Transport transport, string broker, int tuning, int partitions, Action<string> log, Action<EventId, IReadOnlyList<KeyValuePair<string, object?>>> heard, Health health, Action<BrookBuilder> configure, params ReadOnlySpan<(string Name, Action<BrookBuilder> Configure)> others)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(s_level).AddProvider(new ErrorOutput(log, heard));
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = s_stopping);
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddSingleton(health).AddSingleton<IHostLifetime, WithItsProcess>();
        (string Name, Action<BrookBuilder> Configure)[] instances = [("", configure), .. others];
        builder.Services.AddMassTransit(x =>
        {
            foreach (var instance in instances)
                x.AddBrook(instance.Name, brook =>
                {
                    instance.Configure(brook);
                    transport.Configure(brook, broker, tuning, partitions);
                });
            transport.AddTo(x, broker, tuning);
        });
        return builder.Build();
    }

    public void Obey(string verb, long[] numbers)
    {
        if (verb == "heal") _health.IsHealed = true;
        else if (verb == "retry") _retries.Begin();
        else throw new InvalidOperationException($"'{verb}' is not known.");
    }

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
            await _retries.DisposeAsync();
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
        if (_transport.Hear(id.Name!, values) is { } word) _say(word);
    }

    /// <summary>Signals end the process, and not its hosts only: a trial would wait for them in vain.</summary>
    private sealed class WithItsProcess : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>Warnings and errors go to the process' log, which a trial that fails shows.</summary>
    private sealed class ErrorOutput(Action<string> log, Action<EventId, IReadOnlyList<KeyValuePair<string, object?>>> heard) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= s_level;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name != "SetAside" && (s_level < LogLevel.Information || logLevel >= LogLevel.Warning || eventId.Name is "HandsBack" or "Revoked"))
                log($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel}: {formatter(state, exception)} {exception?.GetType().Name} {exception?.Message.Split('\n')[0]}");
            if (eventId.Name is not null && state is IReadOnlyList<KeyValuePair<string, object?>> values) heard(eventId, values);
        }

        public void Dispose() { }
    }
}
