using System.Text.Json;
using Brook.Bench.Scenarios.Redis;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using Streamiz.Kafka.Net;
using Streamiz.Kafka.Net.SerDes;
using Streamiz.Kafka.Net.State;
using Streamiz.Kafka.Net.Stream;
using Streamiz.Kafka.Net.Table;

namespace Brook.Bench.Scenarios.Kafka;

/// <summary>Streamiz.Kafka.Net: the same fold, as a table in its store in memory.</summary>
internal sealed class StreamizPeer(Topics topics) : TopicPeer(topics)
{
    private const string Store = "orders";
    private readonly Arrivals _arrivals = new();
    private KafkaStream? _stream;
    private Task _all = Task.CompletedTask;
    private long _before;

    public override async Task PrepareAsync(int events)
    {
        await StopAsync();
        await base.PrepareAsync(events);
        _all = _arrivals.Expect(events);
    }

    public override async Task RunAsync(int events)
    {
        var builder = new StreamBuilder();
        builder.Stream<string, OrderUpdated, StringSerDes, EventSerDes>(Topic.Name).GroupByKey()
            .Aggregate(() => null!, (_, e, page) => RedisLoad.Fold(page, e), Streamiz.Kafka.Net.Table.InMemory.As<string, OrderPage>(Store).WithKeySerdes(new StringSerDes()).WithValueSerdes(new PageSerDes()).WithLoggingDisabled())
            .ToStream().Foreach((_, _, _) => _arrivals.Add());         // it is stored by then
        var config = new StreamConfig<StringSerDes, EventSerDes>
        {
            ApplicationId = Topics.Unique("streamiz"), BootstrapServers = Topics.Servers, AutoOffsetReset = AutoOffsetReset.Earliest, FetchWaitMaxMs = 10, FetchQueueBackoffMs = 10, Logger = NullLoggerFactory.Instance,
        };
        _stream = new KafkaStream(builder.Build(), config);
        await _stream.StartAsync();
        await _all.WaitAsync(TimeSpan.FromMinutes(2));
    }

    public override Task<long> AppliedAsync() => Task.FromResult(_before + _stream!.Store(StoreQueryParameters.FromNameAndType(Store, QueryableStoreTypes.KeyValueStore<string, OrderPage>())).All().Sum(page => (long)page.Value.Count));

    protected override ValueTask CloseAsync() => StopAsync();

    private async ValueTask StopAsync()
    {
        if (_stream is null) return;
        _before = await AppliedAsync();
        _stream.Dispose();
        _stream = null;
    }

    private sealed class EventSerDes : AbstractSerDes<OrderUpdated>
    {
        public override OrderUpdated Deserialize(byte[] data, SerializationContext context) => Records.Read(data);

        public override byte[] Serialize(OrderUpdated data, SerializationContext context) => throw new NotSupportedException();
    }

    private sealed class PageSerDes : AbstractSerDes<OrderPage>
    {
        public override OrderPage Deserialize(byte[] data, SerializationContext context) => data is null ? null! : JsonSerializer.Deserialize<OrderPage>(data, JsonSerializerOptions.Web)!;

        public override byte[] Serialize(OrderPage data, SerializationContext context) => JsonSerializer.SerializeToUtf8Bytes(data, JsonSerializerOptions.Web);
    }
}
