using System.Globalization;
using Brook.TestServers;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Brook.Bench.Scenarios.RabbitMq;

/// <summary>A virtual host that one turn has for itself, and a connection to it past MassTransit.</summary>
internal sealed class VirtualHost : IAsyncDisposable
{
    private static int s_last;
    private readonly RabbitMqServer _server;
    private readonly string _name = $"turn{Interlocked.Increment(ref s_last)}";
    private IConnection? _connection;

    private VirtualHost(RabbitMqServer server) => (_server, Uri) = (server, new(server.Uri, _name));

    public Uri Uri { get; }

    public static async Task<VirtualHost> CreateAsync(RabbitMqServer server)
    {
        var host = new VirtualHost(server);
        await server.AddVirtualHostAsync(host._name);
        host._connection = await new ConnectionFactory { Uri = host.Uri }.CreateConnectionAsync();
        return host;
    }

    /// <summary>Puts events on the stream as docs/wire-contract.md has it, one in each message, and ends when the queues have them.</summary>
    /// <returns>The last message of each lane.</returns>
    public async Task<Receipt> PutAsync(int first, int events)
    {
        await using var channel = await _connection!.CreateChannelAsync();
        var spans = new ReceiptSpan[RabbitLoad.Partitions];
        var headers = new Dictionary<string, object?> { ["Brook-Version"] = "1", ["Brook-Stream"] = RabbitLoad.Stream, ["Brook-Partitions"] = Text(RabbitLoad.Partitions), ["Brook-Count"] = "1", ["Brook-Sent-At"] = Text(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()) };
        for (var i = first; i < first + events; i++)
        {
            var (partition, id) = (i % RabbitLoad.Partitions, Guid.CreateVersion7());       // not by the key's hash: each key has one lane all the same
            await channel.BasicPublishAsync($"brook.{RabbitLoad.Stream}", Text(partition), mandatory: true,
                new BasicProperties { MessageId = id.ToString(), ContentType = "application/x-ndjson", DeliveryMode = DeliveryModes.Persistent, Headers = headers }, RabbitLoad.Record(i));
            spans[partition] = new($"{RabbitLoad.Stream}/{partition}", id, 0, 0);
        }
        await UntilFullAsync(events, [.. Enumerable.Range(0, RabbitLoad.Partitions).Select(LaneQueue)]);
        return new([.. spans.Where(span => span.Lane is not null)]);
    }

    /// <summary>Waits until the queues have so many messages, which nobody reads meanwhile.</summary>
    public async Task UntilFullAsync(int messages, params string[] queues)
    {
        for (var attempt = 0; await CountAsync(queues) is var count && count != messages; attempt++)
        {
            if (attempt == 1000) throw new InvalidOperationException($"{messages} messages were sent and the queues have {count}: no result.");
            await Task.Delay(10);
        }
    }

    public async Task<long> CountAsync(params string[] queues)
    {
        await using var channel = await _connection!.CreateChannelAsync();
        var count = 0L;
        foreach (var queue in queues) count += (await channel.QueueDeclarePassiveAsync(queue)).MessageCount;
        return count;
    }

    /// <summary>Reads the lanes to their end, and counts their events.</summary>
    public async Task<long> CountEventsAsync(int partitions) => (await Task.WhenAll(Enumerable.Range(0, partitions).Select(async partition =>
    {
        await using var channel = await _connection!.CreateChannelAsync();
        var (messages, events, all) = ((await channel.QueueDeclarePassiveAsync(LaneQueue(partition))).MessageCount, 0L, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        if (messages == 0) return 0;
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, message) =>
        {
            events += message.Body.Span.Count((byte)'\n');
            if (--messages == 0) all.SetResult();
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(LaneQueue(partition), autoAck: true, consumer);
        await all.Task;
        return events;
    }))).Sum();

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null) await _connection.DisposeAsync();
        await _server.RemoveVirtualHostAsync(_name);
    }

    private static string LaneQueue(int partition) => $"brook.{RabbitLoad.Stream}.{Text(partition)}";

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
