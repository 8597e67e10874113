using Brook.Bench.Scenarios.RabbitMq;
using Confluent.Kafka;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Bench.Scenarios.Kafka;

/// <summary>The client alone, with a callback for each record.</summary>
internal sealed class ProducePeer(Topics topics, string topic) : IPeer
{
    private readonly IProducer<byte[], byte[]> _producer = new ProducerBuilder<byte[], byte[]>(topics.Producer()).Build();
    private int _next;

    public static async Task<IPeer> OpenAsync(Topics topics) => new ProducePeer(topics, await topics.CreateAsync());

    public async Task RunAsync(int events)
    {
        var confirmed = 0;
        await Topics.ProduceAsync(_producer, topic, _next, events, () => Interlocked.Increment(ref confirmed));
        if (confirmed != events) throw new InvalidOperationException($"{confirmed} of {events} records were confirmed.");
        _next += events;
    }

    public Task<long> AppliedAsync() => Task.Run(() => topics.Count(topic));

    public async ValueTask DisposeAsync()
    {
        _producer.Dispose();
        await topics.DeleteAsync(topic);
    }
}

/// <summary>Brook; nobody reads.</summary>
internal sealed class SendPeer(Topics topics, string topic, IHost host, int callers) : IPeer
{
    private readonly IBrook _brook = host.Services.GetRequiredService<IBrook>();
    private int _next;

    /// <param name="topics">Where.</param>
    /// <param name="callers">Each awaits its own send; 0: one call sends all.</param>
    public static async Task<IPeer> OpenAsync(Topics topics, int callers)
    {
        var topic = await topics.CreateAsync();
        return new SendPeer(topics, topic, await BusHost.StartAsync(x => x.AddBrook(brook => brook.Author("orders-service").Event<OrderUpdated>(Load.Type).SendOnly().UseKafka(topics.Servers, kafka => kafka.SendTo(topic)))), callers);
    }

    public async Task RunAsync(int events)
    {
        var first = _next;
        if (callers == 0) await _brook.SendManyAsync(Enumerable.Range(first, events).Select(RabbitLoad.Event));
        else await Callers.SendAsync(callers, events, i => _brook.SendAsync(RabbitLoad.Event(first + i)).AsTask());
        _next += events;
    }

    public Task<long> AppliedAsync() => Task.Run(() => topics.Count(topic));

    public async ValueTask DisposeAsync()
    {
        await BusHost.StopAsync(host);
        await topics.DeleteAsync(topic);
    }
}
