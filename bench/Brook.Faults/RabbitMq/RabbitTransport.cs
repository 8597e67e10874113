using System.Globalization;
using Brook.Storage;
using Brook.TestServers;
using MassTransit;
using RabbitMQ.Client;

namespace Brook.Faults;

/// <summary>The broker of a run: starting one takes longer than a trial, so that each trial has a virtual host of its own on it.</summary>
internal sealed class RabbitTransport : Transport
{
    private readonly SemaphoreSlim _starting = new(1);
    private RabbitMqServer? _server;
    private int _hosts;

    public override string Name => "rabbitmq";
    public override string Title => "RabbitMQ";
    public override string? WhyNot => RabbitMqServer.WhyNot;
    public override Feed Feed => Feed.Messages;

    public override IReadOnlyList<Guard> Guards { get; } =
    [
        new("message-ids", "ids of messages are not kept", "duplicate-delivery", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection.StartsWith("$applied", StringComparison.Ordinal) ? null : entry)),
        new("fence", "the lane's entry is not compared", "zombie", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection == "$lanes" ? entry with { Expected = null } : entry)),
        new("ack-after-commit", "messages are acknowledged before they are in the view", "worker-killed", Feed.Messages, inner => new Early(inner)),
    ];

    /// <summary>Adds a virtual host; its queues go with it.</summary>
    public override async Task<Place> OpenAsync(BusFault fault, CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try { _server ??= await RabbitMqServer.StartAsync(null, cancellationToken); }
        finally { _starting.Release(); }
        var name = string.Create(CultureInfo.InvariantCulture, $"trial{Interlocked.Increment(ref _hosts)}");
        await _server.AddVirtualHostAsync(name);
        return new RabbitPlace(_server, name, fault is RabbitFault { NeedsProxy: true } ? TcpProxy.Start(_server.Host, _server.Port) : null);
    }

    /// <summary>The heartbeat in seconds; 0: the client's default.</summary>
    public override int TuningOf(BusFault fault, int seed) => fault.NoticesSoon ? 1 : 0;

    public override void AddTo(IBusRegistrationConfigurator bus, string broker, int tuning) => bus.UsingRabbitMq((_, rabbit) => rabbit.Host(new Uri(broker), host =>
    {
        if (tuning > 0) host.Heartbeat(TimeSpan.FromSeconds(tuning));
    }));

    public override void Configure(BrookBuilder brook, string broker, int tuning, int partitions) => brook.Stream(BusTrial.Stream, partitions);

    public override string? Hear(string message, IReadOnlyList<KeyValuePair<string, object?>> values) => message switch
    {
        "HandsBack" => $"handed {values.First(value => value.Key == "Surplus").Value}",
        "LaneLost" => "fenced",
        _ => null,
    };

    public override async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _starting.Dispose();
    }
}

/// <summary>A virtual host.</summary>
internal sealed class RabbitPlace(RabbitMqServer server, string name, TcpProxy? proxy) : Place
{
    public const string ErrorQueue = "brook_error";
    private const string Exchange = $"brook.{BusTrial.Stream}", Tap = "tap";
    private readonly Dictionary<string, (BasicProperties Properties, string RoutingKey, byte[] Body)> _tapped = [];

    public RabbitMqServer Server => server;

    public TcpProxy? Proxy => proxy;

    public override string Broker => $"amqp://guest:guest@{server.Host}:{proxy?.Port ?? server.Port}/{name}";

    public static string Queue(int partition) => string.Create(CultureInfo.InvariantCulture, $"brook.{BusTrial.Stream}.{partition}");

    /// <summary>Calls with a channel of its own, that waits for the broker's confirms.</summary>
    public async Task<T> AskAsync<T>(Func<IChannel, Task<T>> ask, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = new Uri($"amqp://guest:guest@{server.Host}:{server.Port}/{name}"), AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        return await ask(channel);
    }

    /// <summary>Every message that the sender's receipts name, and those that somebody else put there.</summary>
    public override Task<long> DoneAsync(BusTrial trial, int partition, CancellationToken cancellationToken) => Task.FromResult((long)(trial.Sender.Messages(partition) + trial.Unreadable.GetValueOrDefault(partition)));

    public override Task<long> WaitingAsync(int partitions, CancellationToken cancellationToken) => AskAsync(async channel =>
    {
        long waiting = 0;
        for (var p = 0; p < partitions; p++) waiting += (await channel.QueueDeclarePassiveAsync(Queue(p), cancellationToken)).MessageCount;
        return waiting;
    }, cancellationToken);

    /// <summary>From now on the program gets a copy of each message.</summary>
    public Task TapAsync(int partitions, CancellationToken cancellationToken) => AskAsync(async channel =>
    {
        await channel.QueueDeclareAsync(Tap, durable: true, exclusive: false, autoDelete: false, cancellationToken: cancellationToken);
        for (var p = 0; p < partitions; p++) await channel.QueueBindAsync(Tap, Exchange, string.Create(CultureInfo.InvariantCulture, $"{p}"), cancellationToken: cancellationToken);
        return 0;
    }, cancellationToken);

    /// <summary>Publishes some of the messages so far once more, as they were: recent ones, and some of any age.</summary>
    /// <returns>How many.</returns>
    public Task<int> PublishAgainAsync(Random random, int recent, int old, CancellationToken cancellationToken) => AskAsync(async channel =>
    {
        while (await channel.BasicGetAsync(Tap, autoAck: true, cancellationToken) is { } got)
            _tapped.TryAdd(got.BasicProperties.MessageId!, (new BasicProperties(got.BasicProperties), got.RoutingKey, got.Body.ToArray()));
        var all = _tapped.Values.ToArray();
        var again = Enumerable.Range(0, recent).Select(_ => all[Math.Max(0, all.Length - 1 - random.Next(30))]).Concat(Enumerable.Range(0, old).Select(_ => all[random.Next(all.Length)])).ToList();
        foreach (var (properties, routingKey, body) in again) await channel.BasicPublishAsync(Exchange, routingKey, mandatory: true, properties, body, cancellationToken);
        return again.Count;
    }, cancellationToken);

    public Task PublishAsync(int partition, BasicProperties properties, byte[] body, CancellationToken cancellationToken) => AskAsync(async channel =>
    {
        await channel.BasicPublishAsync(Exchange, string.Create(CultureInfo.InvariantCulture, $"{partition}"), mandatory: true, properties, body, cancellationToken);
        return 0;
    }, cancellationToken);

    /// <summary>No message came back to the queues, and the error queue has what it must have.</summary>
    public override async Task CheckAsync(BusTrial trial, Check check, CancellationToken cancellationToken)
    {
        if (await WaitingAsync(trial.Partitions, cancellationToken) is > 0 and var left) check.Strange($"{left} messages came back to the queues when the workers ended, so they were not acknowledged");
        var (expected, found) = (trial.Undecodable.Select(Convert.ToBase64String).ToList(), (await TakeErrorsAsync(cancellationToken)).Select(Convert.ToBase64String).ToList());
        if (found.Order(StringComparer.Ordinal).SequenceEqual(expected.Order(StringComparer.Ordinal))) return;
        check.Strange($"the error queue has {found.Count} messages instead of {expected.Count}; {expected.Except(found).Count()} are missing, {found.Except(expected).Count()} are strange");
    }

    /// <summary>Takes all that the error queue has.</summary>
    public Task<List<byte[]>> TakeErrorsAsync(CancellationToken cancellationToken) => AskAsync(async channel =>
    {
        var bodies = new List<byte[]>();
        while (await channel.BasicGetAsync(ErrorQueue, autoAck: true, cancellationToken) is { } got) bodies.Add(got.Body.ToArray());
        return bodies;
    }, cancellationToken);

    /// <summary>Its queues.</summary>
    public override async Task<string> DescribeAsync(IViewStore view, int partitions)
    {
        try { return $"{await server.RunCtlAsync("list_queues", "-p", name, "name", "messages_ready", "messages_unacknowledged", "consumers")}\n{await server.RunCtlAsync("list_consumers", "-p", name)}"; }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException) { return e.Message; }
    }

    public override async ValueTask DisposeAsync()
    {
        if (proxy is not null) await proxy.DisposeAsync();
        if (server.IsRunning) await server.RemoveVirtualHostAsync(name);
    }
}
