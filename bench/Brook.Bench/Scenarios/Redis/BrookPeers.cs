using Brook.Lanes;
using Brook.TestServers;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>The engine without a bus: lanes side by side, each with its partition of the keys.</summary>
internal sealed class EnginePeer(ServiceProvider provider, Lane[] lanes, Func<int, ReadOnlyMemory<byte>> record) : IPeer
{
    public const int Together = 500;
    private readonly int[] _offsets = new int[lanes.Length];

    public IBrookView View { get; } = provider.GetRequiredService<IBrookView>();

    public static async Task<IPeer> OpenAsync(RedisServer server, int lanes) => await OpenAsync(server, lanes, RedisLoad.Record, options => { });

    public static Task<EnginePeer> OpenAsync(RedisServer server, int lanes, Func<int, ReadOnlyMemory<byte>> record, Action<BrookOptions> configure)
        => OpenAsync(brook => configure(brook.UseRedis(server.ConnectionString).Options), lanes, record);

    public static async Task<EnginePeer> OpenAsync(Action<BrookBuilder> store, int lanes, Func<int, ReadOnlyMemory<byte>> record)
    {
        var services = new ServiceCollection();
        BrookBuilder.Register(services, "", brook => store(brook.AddHandler<OrderPageHandler>()));
        var provider = services.BuildServiceProvider();
        var engine = provider.GetRequiredKeyedService<BrookEngine>("");
        var opened = new Lane[lanes];
        for (var i = 0; i < lanes; i++) opened[i] = await engine.OpenLaneAsync($"bench/{i}", LaneGuard.Offsets, default);
        return new(provider, opened, record);
    }

    public Task RunAsync(int events) => Task.WhenAll(Enumerable.Range(0, lanes.Length).Select(partition => Task.Run(() => RunAsync(partition, (events - partition + lanes.Length - 1) / lanes.Length))));

    public Task<long> AppliedAsync() => RedisLoad.AppliedAsync(View);

    public async ValueTask DisposeAsync()
    {
        foreach (var lane in lanes) await lane.DisposeAsync();
        await provider.DisposeAsync();
    }

    private async Task RunAsync(int partition, int events)
    {
        var (lane, batch) = (lanes[partition], new EventEnvelope[Together]);
        for (var done = 0; done < events;)
        {
            var (count, message) = (Math.Min(batch.Length, events - done), Guid.CreateVersion7());
            for (var i = 0; i < count; i++)
                batch[i] = EventEnvelope.Read(record(partition + _offsets[partition] * lanes.Length), new EventPosition(lane.Name, _offsets[partition]++, message), DateTimeOffset.UnixEpoch);
            await lane.ProcessAsync(batch.AsMemory(0, count), default);
            done += count;
        }
    }
}

/// <summary>Brook on MassTransit's in-memory transport: one call sends all, and waits until they are in the view.</summary>
internal sealed class BusPeer(IHost host, Func<int, BrookEvent<OrderUpdated>> next) : IPeer
{
    private readonly IBrook _brook = host.Services.GetRequiredService<IBrook>();
    private readonly IBrookView _view = host.Services.GetRequiredService<IBrookView>();
    private int _next;

    public static Task<IPeer> OpenAsync(RedisServer server) => OpenAsync(brook => brook.UseRedis(server.ConnectionString), RedisLoad.Event);

    public static async Task<IPeer> OpenAsync(Action<BrookBuilder> store, Func<int, BrookEvent<OrderUpdated>> next) => new BusPeer(await BusHost.StartAsync(
        x => x.AddBrook(brook => store(brook.Author("orders-service").AddHandler<OrderPageHandler>().Stream("orders", RedisLoad.Partitions)))), next);

    public async Task RunAsync(int events)
    {
        var receipt = await _brook.SendManyAsync(Enumerable.Range(_next, events).Select(next));
        _next += events;
        if (await _view.WaitForAsync(receipt, TimeSpan.FromMinutes(5)) is not WaitResult.Applied and var result) throw new InvalidOperationException($"The events were not applied: {result}.");
    }

    public Task<long> AppliedAsync() => RedisLoad.AppliedAsync(_view);

    public ValueTask DisposeAsync() => BusHost.StopAsync(host);
}
