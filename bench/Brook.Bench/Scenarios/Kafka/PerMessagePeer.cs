using System.Collections.Concurrent;
using Brook.Bench.Scenarios.Redis;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Bench.Scenarios.Kafka;

/// <summary>A consumer as MassTransit has it: each record is a message.</summary>
internal sealed class PerMessagePeer(Topics topics) : HostPeer(topics)
{
    private readonly Arrivals _arrivals = new();
    private Task _all = Task.CompletedTask;
    private long _before;

    public override async Task PrepareAsync(int events)
    {
        await base.PrepareAsync(events);
        _all = _arrivals.Expect(events);
    }

    public override Task<long> AppliedAsync() => Task.FromResult(_before + Services.GetRequiredService<HandwrittenPages>().Applied);

    protected override Task<IHost> StartAsync() => BusHost.StartAsync(x =>
    {
        x.AddSingleton<HandwrittenPages>();
        x.AddRider(rider =>
        {
            rider.AddConsumer<Consumer>();
            rider.UsingRecords(Topics.Consumer(), Topic.Name, Records.Read, _arrivals);
        });
    });

    protected override Task AllAsync() => _all;

    protected override async Task StoppingAsync() => _before = await AppliedAsync();

    internal sealed class Consumer(HandwrittenPages pages) : IConsumer<OrderUpdated>
    {
        public Task Consume(ConsumeContext<OrderUpdated> context)
        {
            pages.Apply(context.Message);
            return Task.CompletedTask;
        }
    }
}

/// <summary>The fold and the log by hand, in memory.</summary>
internal sealed class HandwrittenPages
{
    private readonly ConcurrentDictionary<string, OrderPage> _orders = new();
    private readonly ConcurrentDictionary<string, Queue<OrderUpdated>> _log = new();

    public long Applied => _orders.Values.Sum(order => (long)order.Count);

    public void Apply(OrderUpdated e)
    {
        _orders.AddOrUpdate(e.Id, static (_, e) => RedisLoad.Fold(null, e), static (_, order, e) => RedisLoad.Fold(order, e), e);
        var log = _log.GetOrAdd(e.Id, static _ => new());
        lock (log)
        {
            log.Enqueue(e);
            if (log.Count > Load.LogLimit) log.Dequeue();
        }
    }
}
