using System.Globalization;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Bench.Scenarios;

/// <summary>MassTransit's in-memory transport, end to end: from the first send to the last event handled.</summary>
internal sealed class InMemory : Scenario
{
    private const int Publishers = 16, Senders = 256;

    public override string Name => "inmemory";

    public override string About => "MassTransit's in-memory transport, end to end: first send to last event handled (Brook: in the view); sender and receiver in one process";

    public override IReadOnlyList<string> Notes { get; } =
    [
        string.Create(CultureInfo.InvariantCulture, $"same event in every row; {Load.Keys:N0} keys, log of {Load.LogLimit} events a key; empty, handwritten, single: {Publishers} callers of Publish, ConcurrentMessageLimit 1 (in order); handwritten_batch: the same callers, Batch<T> of 100, one batch at a time, deliveries side by side (order not kept)"),
        $"single: an ordinary message as an event (brook.Consume<T>); concurrent: {Senders} callers of SendAsync; many: one SendManyAsync; all Brook rows on one partition (total order), duplicates noticed",
        "handwritten: fold and log over dictionaries of objects in a consumer; logging is off in all rows",
    ];

    public override IReadOnlyList<Row> Rows { get; } =
    [
        new("empty", 50_000, () => PublishPeer.OpenAsync<EmptyConsumer>(ordered: true)),
        new("handwritten", 50_000, () => PublishPeer.OpenAsync<HandwrittenConsumer>(ordered: true)),
        new("handwritten_batch", 50_000, () => PublishPeer.OpenAsync<HandwrittenBatchConsumer>(ordered: false)),
        new("single", 50_000, SinglePeer.OpenAsync),
        new("concurrent", 150_000, () => BrookPeer.OpenAsync(ConcurrentAsync)),
        new("many", 500_000, () => BrookPeer.OpenAsync(ManyAsync)),
    ];

    public override IReadOnlyList<Ratio> Ratios { get; } =
    [
        new("single_vs_empty", "single", "empty"), new("concurrent_vs_empty", "concurrent", "empty"),
        new("many_vs_empty", "many", "empty"), new("many_vs_handwritten", "many", "handwritten"),
    ];

    private static async Task<IReadOnlyList<Receipt>> ConcurrentAsync(IBrook brook, int events)
        => await Callers.SendAsync(Senders, events, i => brook.SendAsync(Load.Event(i)).AsTask());

    private static async Task<IReadOnlyList<Receipt>> ManyAsync(IBrook brook, int events)
        => [await brook.SendManyAsync(Enumerable.Range(0, events).Select(Load.Event))];

    private static Task PublishAsync(IHost host, int events)
    {
        var bus = host.Services.GetRequiredService<IBus>();
        return Callers.SendAsync(Publishers, events, i => bus.Publish(Load.Order(i)));
    }

    private sealed class PublishPeer(IHost host) : IPeer
    {
        private readonly Arrivals _arrivals = host.Services.GetRequiredService<Arrivals>();

        public static async Task<IPeer> OpenAsync<TConsumer>(bool ordered) where TConsumer : class, IConsumer => new PublishPeer(await BusHost.StartAsync(
            x => x.AddConsumer<TConsumer>(consumer =>
            {
                if (!ordered) consumer.Options<BatchOptions>(batch => batch.SetMessageLimit(100).SetTimeLimit(ms: 10).SetConcurrencyLimit(1));
            }),
            ordered ? 1 : null));

        public async Task RunAsync(int events)
        {
            var all = _arrivals.Expect(events);
            await PublishAsync(host, events);
            await all;
        }

        public Task<long> AppliedAsync() => Task.FromResult(host.Services.GetRequiredService<HandwrittenView>().Applied is > 0 and var applied ? applied : _arrivals.Seen);

        public ValueTask DisposeAsync() => BusHost.StopAsync(host);
    }

    private sealed class SinglePeer(IHost host) : IPeer
    {
        private readonly Arrivals _arrivals = host.Services.GetRequiredService<Arrivals>();

        public static async Task<IPeer> OpenAsync() => new SinglePeer(await BusHost.StartAsync(x => x.AddBrook(brook =>
        {
            brook.AddHandler<OrderHandler>().AddHandler<CountingHandler>().Consume<OrderUpdated>(Load.Type, order => order.Id);
            brook.Options.LogLimit = Load.LogLimit;
        })));

        public async Task RunAsync(int events)
        {
            var all = _arrivals.Expect(events);
            await PublishAsync(host, events);
            await all;
        }

        /// <summary>Ordinary messages have no receipt: the last one's handler has run, its commit is moments away.</summary>
        public async Task<long> AppliedAsync()
        {
            var view = host.Services.GetRequiredService<IBrookView>();
            for (var wait = 1; await view.AppliedAsync() is var applied; wait *= 2)
            {
                if (applied == _arrivals.Seen || wait > 1000) return applied;
                await Task.Delay(wait);
            }
            return 0;
        }

        public ValueTask DisposeAsync() => BusHost.StopAsync(host);
    }

    private sealed class CountingHandler(Arrivals arrivals) : IBrookHandler<OrderUpdated>
    {
        public Changes Handle(BrookEvent<OrderUpdated> e)
        {
            arrivals.Add();
            return default;
        }
    }

    private sealed class BrookPeer(IHost host, Func<IBrook, int, Task<IReadOnlyList<Receipt>>> send) : IPeer
    {
        private readonly IBrook _brook = host.Services.GetRequiredService<IBrook>();
        private readonly IBrookView _view = host.Services.GetRequiredService<IBrookView>();

        public static async Task<IPeer> OpenAsync(Func<IBrook, int, Task<IReadOnlyList<Receipt>>> send) => new BrookPeer(await BusHost.StartAsync(x => x.AddBrook(brook =>
        {
            brook.Author("orders-service").AddHandler<OrderHandler>();
            brook.Options.LogLimit = Load.LogLimit;
        })), send);

        public async Task RunAsync(int events)
        {
            foreach (var receipt in await send(_brook, events))
                if (await _view.WaitForAsync(receipt, TimeSpan.FromMinutes(5)) != WaitResult.Applied) throw new InvalidOperationException("An event was set aside.");
        }

        public Task<long> AppliedAsync() => _view.AppliedAsync();

        public ValueTask DisposeAsync() => BusHost.StopAsync(host);
    }

    private sealed class EmptyConsumer(Arrivals arrivals) : IConsumer<OrderUpdated>
    {
        public Task Consume(ConsumeContext<OrderUpdated> context)
        {
            arrivals.Add();
            return Task.CompletedTask;
        }
    }

    private sealed class HandwrittenConsumer(HandwrittenView view, Arrivals arrivals) : IConsumer<OrderUpdated>
    {
        public Task Consume(ConsumeContext<OrderUpdated> context)
        {
            view.Apply(context.Message);
            arrivals.Add();
            return Task.CompletedTask;
        }
    }

    private sealed class HandwrittenBatchConsumer(HandwrittenView view, Arrivals arrivals) : IConsumer<Batch<OrderUpdated>>
    {
        public Task Consume(ConsumeContext<Batch<OrderUpdated>> context)
        {
            for (var i = 0; i < context.Message.Length; i++) view.Apply(context.Message[i].Message);
            arrivals.Add(context.Message.Length);
            return Task.CompletedTask;
        }
    }
}
