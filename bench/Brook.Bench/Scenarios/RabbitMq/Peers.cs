using System.Text.Json;
using Brook.Bench.Scenarios.Redis;
using Brook.TestServers;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using StackExchange.Redis;

namespace Brook.Bench.Scenarios.RabbitMq;

/// <summary>Fills the queues while nobody reads, then starts the reader: what is measured is from its start to the last event.</summary>
internal abstract class DrainPeer(VirtualHost broker) : IPeer
{
    private IHost? _reader;
    private int _next;

    protected VirtualHost Broker => broker;

    protected IHost Reader => _reader!;

    /// <summary>The first start declares the queues.</summary>
    public async Task<IPeer> OpenAsync()
    {
        await BusHost.StopAsync(await StartReaderAsync());
        await StartSenderAsync();
        return this;
    }

    public async Task PrepareAsync(int events)
    {
        await StopReaderAsync();
        await FillAsync(_next, events);
        _next += events;
    }

    public async Task RunAsync(int events)
    {
        _reader = await StartReaderAsync();
        await AllAsync();
    }

    public abstract Task<long> AppliedAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await StopReaderAsync();
        await broker.DisposeAsync();
    }

    protected abstract Task<IHost> StartReaderAsync();

    protected virtual Task StartSenderAsync() => Task.CompletedTask;

    protected abstract Task FillAsync(int first, int events);

    protected abstract Task AllAsync();

    private async Task StopReaderAsync()
    {
        if (_reader is not null) await BusHost.StopAsync(_reader);
        _reader = null;
    }
}

/// <summary>An ordinary consumer on one queue.</summary>
internal sealed class ConsumerPeer<TConsumer>(VirtualHost broker, ConnectionMultiplexer? redis, int? limit) : DrainPeer(broker) where TConsumer : class, IConsumer
{
    private readonly Arrivals _arrivals = new();
    private readonly HandwrittenStore? _store = redis is null ? null : new(redis.GetDatabase());
    private Task _all = Task.CompletedTask;
    private IHost? _sender;

    public override Task<long> AppliedAsync() => _store?.AppliedAsync(RabbitLoad.Keys) ?? Task.FromResult(_arrivals.Seen);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_sender is not null) await BusHost.StopAsync(_sender);
        if (redis is not null) await redis.DisposeAsync();
    }

    protected override Task<IHost> StartReaderAsync() => BusHost.StartAsync(Broker.Uri,
        x => x.AddConsumer<TConsumer>(consumer => consumer.Options<BatchOptions>(batch => batch.SetMessageLimit(100).SetTimeLimit(ms: 10).SetConcurrencyLimit(1))).Endpoint(endpoint => endpoint.Name = Consumers.Queue),
        limit, services =>
        {
            services.AddReceiveObserver(_ => new Acknowledged(_arrivals));
            if (_store is not null) services.AddSingleton(_store);
        });

    protected override async Task StartSenderAsync() => _sender = await BusHost.StartAsync(Broker.Uri, _ => { });

    protected override async Task FillAsync(int first, int events)
    {
        var bus = _sender!.Services.GetRequiredService<IBus>();
        await Callers.SendAsync(OverRabbitMq.Senders, events, i => bus.Publish(RabbitLoad.Order(first + i)));
        await Broker.UntilFullAsync(events, Consumers.Queue);
        _all = _arrivals.Expect(events);
    }

    protected override Task AllAsync() => _all;
}

internal static class Consumers
{
    public const string Queue = "orders";

    public sealed class Empty : IConsumer<OrderUpdated>
    {
        public Task Consume(ConsumeContext<OrderUpdated> context) => Task.CompletedTask;
    }

    public sealed class Handwritten(HandwrittenStore store) : IConsumer<OrderUpdated>
    {
        public Task Consume(ConsumeContext<OrderUpdated> context) => store.ApplyAsync(context.Message, JsonSerializer.SerializeToUtf8Bytes(context.Message, JsonSerializerOptions.Web));
    }

    public sealed class HandwrittenBatch(HandwrittenStore store) : IConsumer<Batch<OrderUpdated>>
    {
        public Task Consume(ConsumeContext<Batch<OrderUpdated>> context)
        {
            var events = context.Message.Select(message => message.Message).ToArray();
            return store.ApplyAsync(events, Array.ConvertAll(events, e => (ReadOnlyMemory<byte>)JsonSerializer.SerializeToUtf8Bytes(e, JsonSerializerOptions.Web)));
        }
    }
}

/// <summary>Counts messages when they are acknowledged: what is not would come again after a stop.</summary>
internal sealed class Acknowledged(Arrivals arrivals) : IReceiveObserver
{
    public Task PostReceive(ReceiveContext context)
    {
        arrivals.Add();
        return Task.CompletedTask;
    }

    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType) where T : class => Task.CompletedTask;

    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception) where T : class => Task.CompletedTask;

    public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;
}

/// <summary>Brook into Redis.</summary>
internal sealed class BrookDrainPeer(VirtualHost broker, RedisServer redis, bool many) : DrainPeer(broker)
{
    private Receipt? _last;
    private IHost? _sender;

    public override Task<long> AppliedAsync() => RedisLoad.AppliedAsync(Reader.Services.GetRequiredService<IBrookView>());

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_sender is not null) await BusHost.StopAsync(_sender);
    }

    protected override Task<IHost> StartReaderAsync() => BrookHost.StartReaderAsync(Broker, redis);

    protected override async Task StartSenderAsync() => _sender = many ? await BrookHost.StartSenderAsync(Broker) : null;

    protected override async Task FillAsync(int first, int events)
        => _last = _sender is null ? await Broker.PutAsync(first, events) : await _sender.Services.GetRequiredService<IBrook>().SendManyAsync(Enumerable.Range(first, events).Select(RabbitLoad.Event));

    protected override Task AllAsync() => BrookHost.AppliedAsync(Reader, _last!);
}

/// <summary>One call sends all while it is read, and waits until it is in the view.</summary>
internal sealed class EndToEndPeer(VirtualHost broker, IHost host) : IPeer
{
    private int _next;

    public static async Task<IPeer> OpenAsync(VirtualHost broker, RedisServer redis) => new EndToEndPeer(broker, await BrookHost.StartReaderAsync(broker, redis));

    public async Task RunAsync(int events)
    {
        var receipt = await host.Services.GetRequiredService<IBrook>().SendManyAsync(Enumerable.Range(_next, events).Select(RabbitLoad.Event));
        _next += events;
        await BrookHost.AppliedAsync(host, receipt);
    }

    public Task<long> AppliedAsync() => RedisLoad.AppliedAsync(host.Services.GetRequiredService<IBrookView>());

    public async ValueTask DisposeAsync()
    {
        await BusHost.StopAsync(host);
        await broker.DisposeAsync();
    }
}

/// <summary>Callers who each await their send; nobody reads.</summary>
internal sealed class SendPeer(VirtualHost broker, IHost host, Func<IServiceProvider, int, Task> send, Func<Task<long>> count) : IPeer
{
    private int _next;

    public static async Task<IPeer> PublishAsync(VirtualHost broker)
    {
        await BusHost.StopAsync(await BusHost.StartAsync(broker.Uri, x => x.AddConsumer<Consumers.Empty>().Endpoint(endpoint => endpoint.Name = Consumers.Queue)));
        return new SendPeer(broker, await BusHost.StartAsync(broker.Uri, _ => { }), (services, i) => services.GetRequiredService<IBus>().Publish(RabbitLoad.Order(i)), () => broker.CountAsync(Consumers.Queue));
    }

    public static async Task<IPeer> SendAsync(VirtualHost broker, RedisServer redis, int partitions)
    {
        await BusHost.StopAsync(await BrookHost.StartReaderAsync(broker, redis, partitions));
        return new SendPeer(broker, await BrookHost.StartSenderAsync(broker, partitions), (services, i) => services.GetRequiredService<IBrook>().SendAsync(RabbitLoad.Event(i)).AsTask(), () => broker.CountEventsAsync(partitions));
    }

    public async Task RunAsync(int events)
    {
        var first = _next;
        await Callers.SendAsync(OverRabbitMq.Senders, events, i => send(host.Services, first + i));
        _next += events;
    }

    public Task<long> AppliedAsync() => count();

    public async ValueTask DisposeAsync()
    {
        await BusHost.StopAsync(host);
        await broker.DisposeAsync();
    }
}

internal static class BrookHost
{
    public static Task<IHost> StartReaderAsync(VirtualHost broker, RedisServer redis, int partitions = RabbitLoad.Partitions)
        => BusHost.StartAsync(broker.Uri, x => x.AddBrook(brook => brook.Author("orders-service").AddHandler<OrderPageHandler>().Stream(RabbitLoad.Stream, partitions).UseRedis(redis.ConnectionString)));

    public static Task<IHost> StartSenderAsync(VirtualHost broker, int partitions = RabbitLoad.Partitions)
        => BusHost.StartAsync(broker.Uri, x => x.AddBrook(brook => brook.Author("orders-service").Event<OrderUpdated>(Load.Type).Stream(RabbitLoad.Stream, partitions).SendOnly()));

    public static async Task AppliedAsync(IHost host, Receipt receipt)
    {
        if (await host.Services.GetRequiredService<IBrookView>().WaitForAsync(receipt, TimeSpan.FromMinutes(2)) is not WaitResult.Applied and var result) throw new InvalidOperationException($"The events were not applied: {result}.");
    }
}
