using System.Text;
using Brook.KafkaServers;
using Brook.Lanes;
using Brook.MassTransit.Kafka.Tests.Support;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;

namespace Brook.MassTransit.Kafka.Tests.Producing;

public sealed class SenderTests : IDisposable
{
    private readonly StreamGate _gate = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stop_with_events_under_way_ends_and_answers_each_sender()
    {
        using var topic = new Topic(partitions: 4);
        for (var round = 0; round < 3; round++)
        {
            var sender = Sender(topic);
            var sends = Enumerable.Range(0, 20_000).Select(i => sender.SendAsync(One($"k{i % 50}", i), false, Token).AsTask()).ToArray();
            await sends[100];

            await Task.Run(sender.Dispose, Token).WithDeadline();

            var answers = await Task.WhenAll(sends).WithDeadline();
            Assert.All(answers.Where(answer => answer.Error is not null), answer => Assert.Contains("may have been sent", answer.Error!.Message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_client_that_has_given_up_for_good_is_replaced()
    {
        using var topic = new Topic(partitions: 4);
        using var sender = Sender(topic);
        await sender.SendAsync(One("k", 1), false, Token);
        topic.Cluster.PushErrors(KafkaApi.Produce, (int)ErrorCode.OutOfOrderSequenceNumber);

        var answers = await Task.WhenAll(Enumerable.Range(0, 500).Select(i => sender.SendAsync(One($"k{i % 50}", i), false, Token).AsTask())).WithDeadline();

        Assert.Contains(answers, answer => answer.Error is not null);
        await Steps.UntilAsync(async () => (await sender.SendAsync(One("k", 2), false, Token)).Error, error => error is null);
    }

    [Fact]
    public async Task More_than_the_client_has_room_for_waits_in_its_order()
    {
        using var topic = new Topic();
        using var sender = Sender(topic, producer => producer.QueueBufferingMaxMessages = 100);

        var answers = await Task.WhenAll(Enumerable.Range(0, 2000).Select(i => sender.SendAsync(One("k", i), false, Token).AsTask())).WithDeadline();

        Assert.Equal(Enumerable.Range(0, 2000).Select(i => (long)i), answers.Select(answer => answer.Spans[0].First));
    }

    public void Dispose() => _gate.Dispose();

    private KafkaSender Sender(Topic topic, Action<ProducerConfig>? configure = null)
    {
        NativeClient.Resolve();
        _gate.Open();
        var settings = new KafkaBuilder(new ClientConfig { BootstrapServers = topic.Servers }).Topic("stream").Producer(configure ?? (_ => { })).Build();
        return new KafkaSender("x", settings, _gate, NullLogger.Instance);
    }

    private static EventEnvelope[] One(string key, int number)
        => [EventEnvelope.Read(Encoding.UTF8.GetBytes($$$"""{"type":"step","author":"x","create_ts":1,"key":"{{{key}}}","data":{"number":{{{number}}}}}"""), default, default)];
}
