using System.Text;
using Brook.Lanes;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.Kafka;

/// <summary>What other nodes have applied, from now on: handlers run, changes are not kept, at most once. Each node reads all of it, without a group.</summary>
internal sealed class ForwardReader(string instance, string topic, string node, ConsumerConfig config, BrookEngine engine, TimeProvider time, ILogger logger)
{
    public const string NodeHeader = "Brook-Node";
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when what is told from now on is heard.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Ends with the token; never throws.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var said = ""; !cancellationToken.IsCancellationRequested; await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing))
        {
            try
            {
                using var consumer = new ConsumerBuilder<byte[], byte[]>(config).SetLogHandler((_, message) => Log.Client(logger, message)).Build();
                await Task.Run(() => consumer.Assign(Ends(consumer)), cancellationToken).ConfigureAwait(false);
                _ready.TrySetResult();
                while (!cancellationToken.IsCancellationRequested)
                    if (await Task.Run(() => consumer.Consume(TimeSpan.FromMilliseconds(200)), cancellationToken).ConfigureAwait(false) is { } record)
                        await ObserveAsync(record, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (said != e.Message) Log.ForwardFails(logger, instance, said = e.Message);
            }
        }
    }

    private List<TopicPartitionOffset> Ends(IConsumer<byte[], byte[]> consumer)
    {
        using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
        var found = admin.GetMetadata(topic, KafkaSettings.Patience).Topics.FirstOrDefault(known => known.Topic == topic);
        if (found is null || found.Error.IsError || found.Partitions.Count == 0) throw new KafkaException(found?.Error ?? new Error(ErrorCode.UnknownTopicOrPart));
        return [.. found.Partitions.Select(partition => new TopicPartition(topic, partition.PartitionId)).Select(partition => new TopicPartitionOffset(partition, consumer.QueryWatermarkOffsets(partition, KafkaSettings.Patience).High))];
    }

    private async Task ObserveAsync(ConsumeResult<byte[], byte[]> record, CancellationToken cancellationToken)
    {
        if (record.Message.Value is null || (record.Message.Headers?.TryGetLastBytes(NodeHeader, out var from) == true && Encoding.UTF8.GetString(from) == node)) return;
        var position = new EventPosition(WireContract.Lane(topic, record.Partition), record.Offset);
        await engine.ObserveAsync(new[] { EventEnvelope.Read(record.Message.Value, position, record.Message.Timestamp.UtcDateTime, engine.Options.ReceiveLimit) }, cancellationToken).ConfigureAwait(false);
    }
}
