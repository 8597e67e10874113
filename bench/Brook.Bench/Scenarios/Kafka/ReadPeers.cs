using System.Globalization;
using Brook.Bench.Scenarios.Redis;
using Brook.Lanes;
using Brook.TestServers;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Bench.Scenarios.Kafka;

/// <summary>Reads a topic that is full already: what is measured is from the start of the reader to the last event.</summary>
internal abstract class TopicPeer(Topics topics) : IPeer
{
    protected Topics Topics => topics;

    protected FullTopic Topic { get; private set; } = null!;

    public virtual async Task PrepareAsync(int events) => Topic = await topics.OfAsync(events);

    public abstract Task RunAsync(int events);

    public abstract Task<long> AppliedAsync();

    public ValueTask DisposeAsync() => CloseAsync();

    protected virtual ValueTask CloseAsync() => default;
}

/// <summary>The client alone: reads and counts.</summary>
internal sealed class RawPeer(Topics topics) : TopicPeer(topics)
{
    private long _seen;

    public override Task RunAsync(int events) => Task.Run(() => Topics.ReadAll(Topic, record => _seen += record.Message.Value.Length > 0 ? 1 : 0));

    public override Task<long> AppliedAsync() => Task.FromResult(_seen);
}

/// <summary>A host that reads, a new one for each run.</summary>
internal abstract class HostPeer(Topics topics) : TopicPeer(topics)
{
    private IHost? _host;

    protected IServiceProvider Services => _host!.Services;

    public override async Task PrepareAsync(int events)
    {
        await StopAsync();
        await base.PrepareAsync(events);
    }

    public override async Task RunAsync(int events)
    {
        _host = await StartAsync();
        await AllAsync();
    }

    protected override ValueTask CloseAsync() => StopAsync();

    protected abstract Task<IHost> StartAsync();

    protected abstract Task AllAsync();

    protected virtual Task StoppingAsync() => Task.CompletedTask;

    private async ValueTask StopAsync()
    {
        if (_host is null) return;
        await StoppingAsync();
        await BusHost.StopAsync(_host);
        _host = null;
    }
}

/// <summary>Brook into the store in memory, which ends with its host, or into Redis.</summary>
internal sealed class BrookPeer(Topics topics, RedisServer? redis) : HostPeer(topics)
{
    private readonly Batches _batches = new();
    private long _before;

    public override async Task<long> AppliedAsync() => _before + await RedisLoad.AppliedAsync(View);

    protected override Task<IHost> StartAsync() => BusHost.StartAsync(x =>
    {
        x.AddReceiveObserver(_ => _batches);
        x.AddBrook(brook =>
        {
            brook.Author("orders-service").AddHandler<OrderPageHandler>().Options.LogLimit = Load.LogLimit;
            brook.UseKafka(Topics.Servers, kafka => kafka.Topic(Topic.Name).Group(Topics.Unique("group")).Consumer(consumer => Topics.Fast(consumer)));
            if (redis is null) brook.UseInMemory(perNode: true);
            else brook.UseRedis(redis.ConnectionString);
        });
    });

    protected override async Task AllAsync()
    {
        if (await View.WaitForAsync(Topic.All, TimeSpan.FromMinutes(2)) is not WaitResult.Applied and var result) throw new InvalidOperationException($"The events were not applied: {result}.");
    }

    protected override async Task StoppingAsync()
    {
        if (redis is null) _before = await AppliedAsync();
        else Topic.Batches = _batches.Of(Topic);
    }

    private IBrookView View => Services.GetRequiredService<IBrookView>();
}

/// <summary>How many records a lane took at once, each time.</summary>
internal sealed class Batches : IReceiveObserver
{
    private readonly Dictionary<string, List<int>> _sizes = [];

    public IReadOnlyList<int>[] Of(FullTopic topic)
    {
        lock (_sizes) return [.. Enumerable.Range(0, Topics.Partitions).Select(partition => _sizes.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"{topic.Name}/{partition}"), []))];
    }

    public Task PreReceive(ReceiveContext context)
    {
        if (!context.TransportHeaders.TryGetHeader("Brook-Lane", out var lane) || !context.TransportHeaders.TryGetHeader("Brook-Count", out var count)) return Task.CompletedTask;
        lock (_sizes)
        {
            if (!_sizes.TryGetValue((string)lane, out var sizes)) _sizes[(string)lane] = sizes = [];
            sizes.Add((int)count);
        }
        return Task.CompletedTask;
    }

    public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType) where T : class => Task.CompletedTask;

    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception) where T : class => Task.CompletedTask;

    public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;
}

/// <summary>The engine without Kafka: a topic's records from memory, in lanes and batches as they arrived.</summary>
internal sealed class TopicEnginePeer(Topics topics, ServiceProvider provider) : TopicPeer(topics)
{
    private const int Together = 500;       // when nobody has read the topic before
    private readonly Lane[] _lanes = new Lane[Topics.Partitions];
    private List<byte[]>[] _records = [];

    public static TopicEnginePeer Open(Topics topics, RedisServer? redis)
    {
        var services = new ServiceCollection();
        BrookBuilder.Register(services, "", brook =>
        {
            brook.AddHandler<OrderPageHandler>().Options.LogLimit = Load.LogLimit;
            if (redis is not null) brook.UseRedis(redis.ConnectionString);
        });
        return new(topics, services.BuildServiceProvider());
    }

    public override async Task PrepareAsync(int events)
    {
        await CloseLanesAsync();
        await base.PrepareAsync(events);
        _records = await Task.Run(() => Topics.Read(Topic));
        for (var i = 0; i < _lanes.Length; i++) _lanes[i] = await provider.GetRequiredKeyedService<BrookEngine>("").OpenLaneAsync(string.Create(CultureInfo.InvariantCulture, $"{Topic.Name}/{i}"), LaneGuard.Offsets, default);
    }

    public override Task RunAsync(int events) => Task.WhenAll(_lanes.Select((lane, i) => Task.Run(() => RunAsync(lane, _records[i], Topic.Batches?[i] ?? []))));

    public override Task<long> AppliedAsync() => RedisLoad.AppliedAsync(provider.GetRequiredService<IBrookView>());

    protected override async ValueTask CloseAsync()
    {
        await CloseLanesAsync();
        await provider.DisposeAsync();
    }

    private static async Task RunAsync(Lane lane, List<byte[]> records, IReadOnlyList<int> sizes)
    {
        var batch = new EventEnvelope[sizes.Append(Together).Max()];
        for (int done = 0, turn = 0; done < records.Count; turn++)
        {
            var count = Math.Min(turn < sizes.Count ? sizes[turn] : Together, records.Count - done);
            for (var i = 0; i < count; i++) batch[i] = EventEnvelope.Read(records[done + i], new EventPosition(lane.Name, done + i), DateTimeOffset.UnixEpoch);
            await lane.ProcessAsync(batch.AsMemory(0, count), default);
            done += count;
        }
    }

    private async ValueTask CloseLanesAsync()
    {
        foreach (var lane in _lanes) if (lane is not null) await lane.DisposeAsync();
    }
}
