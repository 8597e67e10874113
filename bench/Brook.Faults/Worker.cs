// The other side of WorkerProcess: takes lanes and runs them until it is told otherwise, or killed.
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Threading.Channels;
using Brook.Lanes;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Brook.Faults;

/// <summary>What a worker is told about a trial.</summary>
/// <param name="Together">Up to so many events (or messages) are handed to a lane at once.</param>
/// <param name="Again">Offsets: whether it now and then begins a little before the next one.</param>
/// <param name="RetryAfter">Milliseconds after which what is set aside is tried again by itself; 0: not.</param>
internal sealed record Orders(int Seed, string Store, string Place, string Feed, string? Without, int Together, bool Again, bool Copies, int RetryAfter)
{
    /// <summary>The control without the engine knows nothing of failing and repeated events.</summary>
    public Events Events() => new(Seed, Without != Guard.WholeEngine, Copies && Without != Guard.WholeEngine);
}

/// <summary>Hears and says one line per thing, ended by ';' so that a line of somebody who was killed half-way is none.</summary>
internal sealed class Worker : IPart
{
    private const int BatchEvents = 10;
    private readonly Action<string> _say;
    private readonly Orders _orders;
    private readonly Feed _feed;
    private readonly Events _events;
    private readonly ServiceProvider _provider;
    private readonly Counting _store;
    private readonly CancellationTokenSource _end = new();
    private readonly Health _health = new();
    private readonly Retries _retries;
    private readonly Dictionary<int, LaneTask> _lanes = [];

    private Worker(Orders orders, Action<string> say)
    {
        (_orders, _say, _feed, _events) = (orders, say, Feed.All.First(feed => feed.Name == orders.Feed), orders.Events());
        var store = Store.Of(orders.Store).Open(orders.Place);
        if (orders.Without is { } name && Guard.All.First(guard => guard.Name == name).Remove is { } remove) store = remove(store);
        _store = new Counting(store);
        var services = new ServiceCollection().AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning).AddProvider(new ErrorOutput(lane => say($"alarm {lane[(lane.IndexOf('/', StringComparison.Ordinal) + 1)..]}"))));
        services.AddSingleton(_health);
        BrookBuilder.Register(services, "", brook =>
        {
            (brook.Options.BatchEvents, brook.Options.HandlerAttempts, brook.Options.RetryDelay) = (BatchEvents, 1, TimeSpan.FromMilliseconds(10));
            Retries.ByThemselves(brook.Options, orders.RetryAfter);
            View.AddHandlers(brook, _health).UseStore(_ => _store);
        });
        _provider = services.BuildServiceProvider();
        _retries = new(_provider.GetRequiredService<IParkedEvents>, say);
    }

    /// <summary>Serves trial after trial until the program goes away.</summary>
    public static async Task<int> RunAsync(int port, string token)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync("127.0.0.1", port);
        using var reader = new StreamReader(client.GetStream());
        await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = ";\n" };
        var said = Channel.CreateUnbounded<string>();
        var writing = Task.Run(async () => { await foreach (var line in said.Reader.ReadAllAsync()) await writer.WriteLineAsync(line); });
        said.Writer.TryWrite($"hello {token}");
        IPart? worker = null;
        while (await reader.ReadLineAsync() is { } line)
        {
            if (!line.EndsWith(';')) break;
            var words = line[..^1].Split(' ', 2);
            switch (words[0])
            {
                case "trial":
                    worker = new Worker(JsonSerializer.Deserialize<Orders>(words[1])!, line => said.Writer.TryWrite(line));
                    break;
                case "bus":
                    worker = new BusWorker(JsonSerializer.Deserialize<BusOrders>(words[1])!, line => said.Writer.TryWrite(line));
                    break;
                case "end":
                    await worker!.DisposeAsync();
                    worker = null;
                    said.Writer.TryWrite("ended");
                    break;
                default: worker!.Obey(words[0], Array.ConvertAll(words[1].Split(' '), text => long.Parse(text, CultureInfo.InvariantCulture))); break;
            }
        }
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _retries.DisposeAsync();
        foreach (var lane in _lanes.Values)
        {
            await lane.Running;
            lane.Dispose();
        }
        await _provider.DisposeAsync();
        _end.Dispose();
    }

    public void Obey(string verb, long[] numbers)
    {
        var partition = (int)numbers[0];
        switch (verb)
        {
            case "heal": _health.IsHealed = true; break;
            case "retry": _retries.Begin(); break;
            case "take":                                                    // partition, turn, limit
                if (_lanes.Remove(partition, out var former)) former.Stop.Cancel();
                var task = new LaneTask(partition, numbers[1], numbers[2], CancellationTokenSource.CreateLinkedTokenSource(_end.Token));
                _lanes[partition] = task;
                task.Running = Task.Run(() => RunAsync(task, former));
                break;
            case "upto": if (_lanes.TryGetValue(partition, out var lane)) lane.Limit = numbers[1]; break;
            case "message": if (_lanes.TryGetValue(partition, out lane)) lane.Messages.Writer.TryWrite((numbers[1], numbers[2])); break;    // partition, message, its first event
            default: throw new InvalidOperationException($"'{verb}' is not known.");
        }
    }

    private async Task RunAsync(LaneTask task, LaneTask? former)
    {
        if (former is not null) await former.Running;
        former?.Dispose();
        try
        {
            await using var lane = _orders.Without == Guard.WholeEngine ? await Naive.OpenAsync(_store, task.Partition) : await Engine.OpenAsync(_provider, task.Partition, _feed.Guard, task.Stop.Token);
            Say("taken", task, lane.Next);
            await (_feed == Feed.Offsets ? RunOffsetsAsync(task, lane) : RunMessagesAsync(task, lane));
        }
        catch (OperationCanceledException) when (task.Stop.IsCancellationRequested) { Say("dropped", task, 0); }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            _say($"failed {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private async Task RunOffsetsAsync(LaneTask task, ILane lane)
    {
        var random = new Random(_orders.Seed + task.Partition + (int)task.Turn);
        while (true)
        {
            await task.BeyondAsync(lane.Next);
            var from = _orders.Again && random.Next(3) == 0 ? Math.Max(0, lane.Next - random.Next(8)) : lane.Next;
            var outcome = await lane.ProcessAsync(Feed.Run(_events, task.Partition, from, Math.Min(task.Limit, lane.Next + random.Next(1, _orders.Together + 1))), task.Stop.Token);
            if (outcome == BatchOutcome.Fenced)
            {
                Say("fenced", task, 0);
                return;
            }
            Say(outcome == BatchOutcome.Moved ? "moved" : "at", task, lane.Next);
        }
    }

    private async Task RunMessagesAsync(LaneTask task, ILane lane)
    {
        var (random, batch) = (new Random(_orders.Seed + task.Partition + (int)task.Turn), new List<(long Number, long First)>());
        while (true)
        {
            batch.Clear();
            batch.Add(await task.Messages.Reader.ReadAsync(task.Stop.Token));
            for (var more = random.Next(_orders.Together); more > 0 && task.Messages.Reader.TryRead(out var next); more--) batch.Add(next);
            var outcome = await lane.ProcessAsync([.. batch.SelectMany(message => Feed.Message(_events, task.Partition, message.Number, message.First))], task.Stop.Token);
            if (outcome != BatchOutcome.Committed)
            {
                Say("fenced", task, 0);
                return;
            }
            foreach (var (number, _) in batch) Say("ack", task, number);
        }
    }

    private void Say(string what, LaneTask task, long number)
    {
        var (commits, conflicts, failures) = _store.Take();
        _say(string.Create(CultureInfo.InvariantCulture, $"{what} {task.Partition} {task.Turn} {number} {commits} {conflicts} {failures}"));
    }

    /// <summary>A lane that this worker has, or believes to have.</summary>
    private sealed class LaneTask(int partition, long turn, long limit, CancellationTokenSource stop) : IDisposable
    {
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Partition => partition;
        public long Turn => turn;
        public CancellationTokenSource Stop => stop;
        public Task Running { get; set; } = Task.CompletedTask;
        public Channel<(long Number, long First)> Messages { get; } = Channel.CreateUnbounded<(long, long)>();

        public long Limit
        {
            get => Interlocked.Read(ref limit);
            set
            {
                Interlocked.Exchange(ref limit, value);
                Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
            }
        }

        public void Dispose() => stop.Dispose();

        public async Task BeyondAsync(long next)
        {
            while (true)
            {
                var changed = Volatile.Read(ref _changed).Task;
                if (Limit > next) return;
                await changed.WaitAsync(stop.Token);
            }
        }
    }

    private sealed class Engine(Lane lane) : ILane
    {
        public static async Task<ILane> OpenAsync(ServiceProvider provider, int partition, LaneGuard guard, CancellationToken cancellationToken)
            => new Engine(await provider.GetRequiredKeyedService<BrookEngine>("").OpenLaneAsync(Feed.Lane(partition), guard, cancellationToken));

        public long Next => lane.NextOffset;

        public async Task<BatchOutcome> ProcessAsync(EventEnvelope[] events, CancellationToken cancellationToken) => (await lane.ProcessAsync(events, cancellationToken)).Outcome;

        public ValueTask DisposeAsync() => lane.DisposeAsync();
    }

    /// <summary>Warnings and errors go to the process' log, which a trial that fails shows. A store that went back is told.</summary>
    private sealed class ErrorOutput(Action<string> wentBack) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Console.Error.WriteLine($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel}: {formatter(state, exception)} {exception?.Message}");
            if (eventId.Name == "StoreWentBack" && state is IReadOnlyList<KeyValuePair<string, object?>> values) wentBack((string)values.First(value => value.Key == "Lane").Value!);
        }

        public void Dispose() { }
    }
}

/// <summary>What a worker does in one trial.</summary>
internal interface IPart : IAsyncDisposable
{
    void Obey(string verb, long[] numbers);
}

/// <summary>What takes a lane's events: the engine, or the control without it.</summary>
internal interface ILane : IAsyncDisposable
{
    long Next { get; }

    Task<BatchOutcome> ProcessAsync(EventEnvelope[] events, CancellationToken cancellationToken);
}
