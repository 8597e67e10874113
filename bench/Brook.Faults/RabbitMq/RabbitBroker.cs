using System.Globalization;
using Brook.TestServers;
using RabbitMQ.Client;

namespace Brook.Faults;

/// <summary>The broker of a run: starting one takes longer than a trial, so that each trial has a virtual host of its own on it.</summary>
internal sealed class RabbitBroker : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1);
    private RabbitMqServer? _server;
    private int _hosts;

    public static string? WhyNot => RabbitMqServer.WhyNot;

    /// <summary>Adds a virtual host; its queues go with it.</summary>
    public async Task<RabbitPlace> OpenAsync(bool proxy, CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try { _server ??= await RabbitMqServer.StartAsync(null, cancellationToken); }
        finally { _starting.Release(); }
        var name = string.Create(CultureInfo.InvariantCulture, $"trial{Interlocked.Increment(ref _hosts)}");
        await _server.AddVirtualHostAsync(name);
        return new RabbitPlace(_server, name, proxy ? TcpProxy.Start(_server.Host, _server.Port) : null);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _starting.Dispose();
    }
}

/// <summary>What the program itself asks of the broker and puts there, past Brook and MassTransit.</summary>
internal sealed class RabbitPlace(RabbitMqServer server, string name, TcpProxy? proxy) : IAsyncDisposable
{
    public const string ErrorQueue = "brook_error";
    private const string Exchange = $"brook.{RabbitTrial.Stream}", Tap = "tap";
    private readonly Dictionary<string, (BasicProperties Properties, string RoutingKey, byte[] Body)> _tapped = [];

    public RabbitMqServer Server => server;

    public TcpProxy? Proxy => proxy;

    /// <summary>Where workers and the sender find it.</summary>
    public string Broker => $"amqp://guest:guest@{server.Host}:{proxy?.Port ?? server.Port}/{name}";

    public static string Queue(int partition) => string.Create(CultureInfo.InvariantCulture, $"brook.{RabbitTrial.Stream}.{partition}");

    /// <summary>Calls with a channel of its own, that waits for the broker's confirms.</summary>
    public async Task<T> AskAsync<T>(Func<IChannel, Task<T>> ask, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = new Uri($"amqp://guest:guest@{server.Host}:{server.Port}/{name}"), AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        return await ask(channel);
    }

    /// <summary>Messages of the lanes that nobody has now.</summary>
    public Task<long> WaitingAsync(int partitions, CancellationToken cancellationToken) => AskAsync(async channel =>
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

    /// <summary>Takes all that the error queue has.</summary>
    public Task<List<byte[]>> TakeErrorsAsync(CancellationToken cancellationToken) => AskAsync(async channel =>
    {
        var bodies = new List<byte[]>();
        while (await channel.BasicGetAsync(ErrorQueue, autoAck: true, cancellationToken) is { } got) bodies.Add(got.Body.ToArray());
        return bodies;
    }, cancellationToken);

    /// <summary>Its queues, for whoever reads why a trial is stuck.</summary>
    public async Task<string> DescribeAsync()
    {
        try { return $"{await server.RunCtlAsync("list_queues", "-p", name, "name", "messages_ready", "messages_unacknowledged", "consumers")}\n{await server.RunCtlAsync("list_consumers", "-p", name)}"; }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException) { return e.Message; }
    }

    public async ValueTask DisposeAsync()
    {
        if (proxy is not null) await proxy.DisposeAsync();
        if (server.IsRunning) await server.RemoveVirtualHostAsync(name);
    }
}
