using Confluent.Kafka;
using Confluent.Kafka.Admin;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace GitHistory;

/// <summary>Whether the broker is there: MassTransit and Brook would try for ever, which is right for a service. On Kafka the topic is made when it is missing.</summary>
public static class Broker
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <exception cref="GitException">Nobody answers, or not this user, or there is no topic to use.</exception>
    public static Task PrepareAsync(Arguments arguments, Repository repository) => arguments.Transport switch
    {
        "rabbitmq" => CheckRabbitMqAsync(arguments.RabbitMq),
        "kafka" => PrepareKafkaAsync(arguments.Kafka, Setup.NameOf(arguments, repository)),
        _ => Task.CompletedTask,
    };

    private static async Task CheckRabbitMqAsync(Uri address)
    {
        try
        {
            await using var connection = await new ConnectionFactory { Uri = address }.CreateConnectionAsync();
        }
        catch (BrokerUnreachableException e)
        {
            throw new GitException($"RabbitMQ at {address.Host}:{(address.Port > 0 ? address.Port : 5672)} cannot be used: {e.GetBaseException().Message.TrimEnd('.')}. Start it, or name another with --rabbitmq.");
        }
    }

    private static async Task PrepareKafkaAsync(string servers, string topic)
    {
        var reason = "";
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = servers }).SetLogHandler((_, _) => { }).SetErrorHandler((_, error) => { if (error.Code != ErrorCode.Local_AllBrokersDown) reason = error.Reason; }).Build();
        try
        {
            if (await Task.Run(() => admin.GetMetadata(s_patience)) is var known && known.Topics.Find(found => found.Topic == topic) is null) await CreateAsync(admin, topic);
            var partitions = await PartitionsAsync(admin, topic);
            if (partitions != Setup.Partitions) throw new GitException($"Topic '{topic}' at {servers} has {partitions} partitions instead of {Setup.Partitions}. Delete it and its view, or name another with --namespace.");
        }
        catch (KafkaException e)
        {
            var why = e is CreateTopicsException { Results: [var result, ..] } ? $"topic '{topic}' cannot be made: {result.Error.Reason}" : reason.Length > 0 ? reason : e.Error.Reason;
            throw new GitException($"Kafka at {servers} cannot be used: {why.TrimEnd('.')}. Start it, or name another with --kafka.");
        }
    }

    /// <summary>One that others have made meanwhile is as good; a broker that cannot be asked for it may make it by itself.</summary>
    private static async Task CreateAsync(IAdminClient admin, string topic)
    {
        try { await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = Setup.Partitions }], new() { RequestTimeout = s_patience }); }
        catch (CreateTopicsException e) when (e.Results.TrueForAll(result => result.Error.Code == ErrorCode.TopicAlreadyExists)) { }
        catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_UnsupportedFeature) { }
    }

    /// <summary>A new topic takes a moment until every broker knows it.</summary>
    private static async Task<int> PartitionsAsync(IAdminClient admin, string topic)
    {
        for (var until = Environment.TickCount64 + (long)s_patience.TotalMilliseconds; ; await Task.Delay(100))
        {
            var found = (await Task.Run(() => admin.GetMetadata(topic, s_patience))).Topics.Find(known => known.Topic == topic);
            if (found is { Error.IsError: false, Partitions.Count: > 0 }) return found.Partitions.Count;
            if (Environment.TickCount64 > until) throw new KafkaException(found?.Error ?? new Error(ErrorCode.UnknownTopicOrPart));
        }
    }
}
