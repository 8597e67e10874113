using System.Globalization;
using Brook.Lanes;
using MassTransit;
using MassTransit.Transports;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Brook.MassTransit;

/// <summary>One instance on its bus: connects the lanes before the bus starts, opens the gate when it has, and drains before it stops.</summary>
internal sealed class BusBrook : IBusObserver, IDisposable
{
    private readonly IServiceProvider _provider;
    private readonly BrookBuilder _builder;
    private readonly StreamOptions _stream;
    private readonly Type _busType;
    private readonly BusStreams _streams;
    private readonly StreamBacklog _backlog;
    private readonly StreamGate _gate = new();
    private readonly CancellationTokenSource _stopped = new();      // of a bus in this process: what is still at work is given up
    private readonly ILogger _logger;
    private readonly Lazy<MessageFeed> _feed;
    private readonly EndOfQueue _endOfQueue = new();
    private readonly List<HostReceiveEndpointHandle> _endpoints = [], _inboxes = [];
    private readonly StreamTransport _busTransport;
    private readonly IStreamDriver? _driver;    // null: the stream is on the bus
    private IStreamTopology? _topology;
    private IStreamLanes? _lanes;           // null: nothing is read
    private IBus? _bus;                     // ours; null before its start
    private IBusInstance? _instance;
    private BrookEngine? _engine;
    private TimeSpan _drainTimeout;

    public BusBrook(IServiceProvider provider, BrookBuilder builder, StreamOptions stream, Type busType)
    {
        (_provider, _builder, _stream, _busType) = (provider, builder, stream, busType);
        _streams = provider.GetRequiredKeyedService<BusStreams>(busType);
        _backlog = _streams.Backlog(stream.Stream);
        _streams.Add(_gate);
        _logger = provider.GetService<ILoggerFactory>()?.CreateLogger("Brook.MassTransit") ?? NullLogger.Instance;
        _feed = new(() => new MessageFeed(Engine, _topology is { IsInProcess: true } ? LaneGuard.MessageIds : LaneGuard.SharedMessageIds, Time, StoppedToken));
        _busTransport = new StreamTransport(stream, builder.Options, _backlog, _gate, Time, _logger) { Look = LookAsync };
        _driver = stream.Driver?.Invoke(new StreamDriving(provider, builder, stream, _gate, Time));
    }

    public IBrookTransport Transport => _driver ?? (IBrookTransport)_busTransport;

    /// <summary>What brings the stream when it is not on the bus.</summary>
    public IStreamDriver? Driver => _driver;

    public MessageFeed Feed => _feed.Value;

    public StreamBacklog Backlog => _backlog;

    /// <summary>What applications send with.</summary>
    public IBrook Sender => _provider.GetRequiredKeyedService<IBrook>(_builder.Name);

    /// <summary>What this process reads; null before the start, and when it only sends.</summary>
    public IStreamLanes? Lanes => _lanes;

    private BrookEngine Engine => _engine ??= _provider.GetRequiredKeyedService<BrookEngine>(_builder.Name);

    /// <summary>On a broker each delivery has its own: what is not acknowledged comes again.</summary>
    private CancellationToken StoppedToken => _topology is { IsInProcess: true } ? _stopped.Token : default;

    private TimeProvider Time => _provider.GetService<TimeProvider>() ?? TimeProvider.System;

    /// <summary>Works with and without ConfigureEndpoints: the lanes are endpoints of our own.</summary>
    public Task PreStart(IBus bus)
    {
        if (InstanceOf(bus) is not { } instance) return Task.CompletedTask;
        (_bus, _instance, _drainTimeout) = (bus, instance, DrainTimeout());
        try
        {
            Prepare(bus, instance);
        }
        catch (Exception error)
        {
            _streams.Fail($"The bus did not start, so nothing can be sent: {error.Message}");
            throw;
        }
        return Task.CompletedTask;
    }

    private void Prepare(IBus bus, IBusInstance instance)
    {
        if ((_driver is not null || TopologyOf(bus) is { IsInProcess: false }) && _builder is { IsSendOnly: false, IsInMemory: true, IsPerNode: false })
            throw new BrookException($"Brook instance '{_stream.Instance}' keeps its view in memory, and {(_driver is null ? "the bus runs" : "its events are")} on a broker: with several processes each would have a part of the view. Keep it in a store that they share (brook.UseRedis(...), for one), or give every process the whole view with brook.UseInMemory(perNode: true).");
        if (_driver is not null)
        {
            _driver.Connect(instance);
            if (!_builder.IsSendOnly) Feed.Backlog.Read(MessageFeed.Reader);
            if (_stream.Messages.Count == 0) return;                    // the bus may be of any kind
        }
        _topology = TopologyOf(bus);
        var errors = new ErrorQueue(_stream, _topology, bus, _logger);
        if (_driver is null)
        {
            _streams.Use(_stream);
            if (!_builder.IsSendOnly) ConnectLanes(bus, instance, _topology, errors);
        }
        ConnectMessages(bus, instance, _topology, errors);
    }

    private IStreamTopology TopologyOf(IBus bus) => _provider.GetServices<IStreamTopology>().FirstOrDefault(topology => topology.Fits(bus.Address)) ?? throw new BrookException(
        $"Brook instance '{_stream.Instance}' does not know the transport of the bus at {bus.Address.Scheme}://{bus.Address.Host}. Add the package for it (Brook.MassTransit.RabbitMq for RabbitMQ), or use UsingInMemory.");

    public async Task PostStart(IBus bus, Task<BusReady> busReady)
    {
        if (bus != _bus) return;
        await busReady.ConfigureAwait(false);
        await Task.WhenAll(_endpoints.Select(endpoint => endpoint.Ready)).ConfigureAwait(false);       // lanes are bound: before that a broker has nowhere to put an event
        if (_driver is null) await _busTransport.OpenAsync(bus, _instance!, _topology!).ConfigureAwait(false);
        _gate.Open();
        _lanes?.Started();
    }

    public Task StartFaulted(IBus bus, Exception exception)
    {
        if (bus != _bus) return Task.CompletedTask;
        _gate.Close($"The bus did not start, so nothing can be sent: {exception.Message}");
        _driver?.Dispose();
        return Task.CompletedTask;
    }

    public async Task PreStop(IBus bus)
    {
        if (bus != _bus) return;
        using var patience = new CancellationTokenSource(_drainTimeout);         // the process stops in real time
        using var half = new CancellationTokenSource(_drainTimeout / 2);
        if (_topology is { IsInProcess: true }) await DrainAsync(_driver is null ? patience.Token : half.Token).ConfigureAwait(false);
        else await LeaveAsync(_driver is null ? patience.Token : half.Token).ConfigureAwait(false);
        if (_driver is not null) await _driver.StopAsync(patience.Token).ConfigureAwait(false);
    }

    /// <summary>What waits ends with the process: no more is taken, what is there is handled, and what is left is said.</summary>
    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        await EmptyInboxesAsync().ConfigureAwait(false);
        CloseGate();
        if (_engine is null) return;
        if (_backlog.Unhandled + Engine.InOutbox + Feed.Backlog.Unhandled > 0) Log.Draining(_logger, _stream.Instance, _backlog.Unhandled + Feed.Backlog.Unhandled, _drainTimeout);
        try
        {
            await WhenAllIdleAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            var halted = string.Join(" ", (_lanes?.Halted ?? []).Distinct().Select(reason => $"A lane stands still: {reason}."));
            Log.LeftBehind(_logger, _stream.Instance, _stream.Stream, _backlog.Unhandled, Engine.InOutbox, Feed.Backlog.Unhandled, halted);
        }
        finally
        {
            await _stopped.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>What waits stays on the broker: what is in hand is finished. Lanes stop before the bus: an endpoint that begins again while it stops would keep its lane.</summary>
    private async Task LeaveAsync(CancellationToken cancellationToken)
    {
        await StopInboxesAsync(cancellationToken).ConfigureAwait(false);
        CloseGate();
        if (_lanes is not null) await _lanes.StopAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What the bus says of the stream: the connection where this process only sends.</summary>
    private async ValueTask<SourceStatus> LookAsync(CancellationToken cancellationToken)
    {
        if (_topology is null) return new() { IsStarted = false };          // the bus has not begun to start, or could not
        var isStarted = _gate.IsOpen;
        if (_lanes is not null) return new() { IsStarted = isStarted, Lanes = await _lanes.LookAsync(isStarted, cancellationToken).ConfigureAwait(false) };
        await _topology.ConnectAsync(_instance!, cancellationToken).ConfigureAwait(false);
        return new() { IsStarted = isStarted };
    }

    private void CloseGate() => _gate.Close("The host is stopping, so no more events are taken. Send before it stops, or let the caller try another node.");

    public void PostCreate(IBus bus) { }

    public void CreateFaulted(Exception exception) { }

    public Task PostStop(IBus bus) => Task.CompletedTask;

    public Task StopFaulted(IBus bus, Exception exception) => Task.CompletedTask;

    public void Dispose()
    {
        _gate.Dispose();
        _stopped.Dispose();
        _driver?.Dispose();
    }

    /// <summary>Ends when all that was sent in this process is handled, and what handlers sent as well.</summary>
    public async Task WhenIdleAsync(CancellationToken cancellationToken)
    {
        do
        {
            await _backlog.WaitForAsync(0, cancellationToken).ConfigureAwait(false);
            await Engine.WhenOutboxEmptyAsync(cancellationToken).ConfigureAwait(false);
        }
        while (_backlog.Unhandled > 0);
    }

    /// <summary>As the other, and every ordinary message that waits in this process.</summary>
    public async Task WhenAllIdleAsync(CancellationToken cancellationToken)
    {
        do
        {
            foreach (var message in _stream.Messages.Where(message => !message.IsInbox))
                await _endOfQueue.WhenHandledAsync(_bus!, _topology!.FanOutExchange(_stream.MessageQueue(message)), cancellationToken).ConfigureAwait(false);
            await Feed.Backlog.WaitForAsync(0, cancellationToken).ConfigureAwait(false);
            await WhenIdleAsync(cancellationToken).ConfigureAwait(false);
        }
        while (Feed.Backlog.Unhandled > 0);
    }

    /// <summary>The message in hand is sent on while that is possible; the others are another node's.</summary>
    private async Task StopInboxesAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(_inboxes.Select(inbox => inbox.StopAsync(cancellationToken))).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;                 // the bus stops them
        }
    }

    /// <summary>What waits there ends with the process, and cannot be sent on once the gate is closed.</summary>
    private async Task EmptyInboxesAsync()
    {
        using var expiry = new CancellationTokenSource(_drainTimeout / 2);
        try
        {
            foreach (var inbox in _stream.Messages.Where(message => message.IsInbox))
                await _endOfQueue.WhenHandledAsync(_bus!, _topology!.FanOutExchange(_stream.MessageQueue(inbox)), expiry.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Log.InboxLeftBehind(_logger, _stream.Instance);
        }
    }

    private void ConnectLanes(IBus bus, IBusInstance instance, IStreamTopology topology, ErrorQueue errors)
    {
        _lanes = topology.LanesOf(new StreamReading(_stream, _builder.IsPerNode, instance, _backlog, Time, _logger, StoppedToken));
        for (var partition = 0; partition < _stream.Partitions; partition++)
        {
            var receiver = new LaneReceiver(Engine, _stream, partition, errors, Time, _logger);
            ConnectOne(bus, _lanes.QueueOf(partition), endpoint => _lanes.Bind(endpoint, receiver));
        }
        foreach (var (queue, configure) in _lanes.Others) ConnectOne(bus, queue, configure);
        if (_stream.Forwards)
            ConnectOne(bus, WireContract.ForwardQueue(_stream.Instance, _stream.Stream, _stream.Node), endpoint =>
            {
                topology.BindForward(endpoint, WireContract.ForwardExchange(_stream.Instance, _stream.Stream));
                endpoint.Instance(new ForwardConsumer(Engine, _stream));
            });
        _backlog.Read(_stream.Instance);
        Feed.Backlog.Read(MessageFeed.Reader);
        Log.LanesConnected(_logger, _stream.Instance, _stream.Stream, _stream.Partitions, bus.Address);
    }

    private void ConnectMessages(IBus bus, IBusInstance instance, IStreamTopology topology, ErrorQueue errors)
    {
        if (_stream.Messages.Count == 0) return;
        var envelopes = EnvelopeDeserializer.For(instance.HostConfiguration.BusConfiguration.Serialization.CreateSerializerCollection());
        foreach (var message in _stream.Messages)
        {
            var handle = ((IReceiveConnector)bus).ConnectReceiveEndpoint(_stream.MessageQueue(message), endpoint =>
            {
                endpoint.ConcurrentMessageLimit = 1;                // arrival order, on this node
                topology.PrepareMessages(endpoint, message.IsInbox, WireContract.ErrorQueue(_stream.Instance));
                errors.TakeOver(endpoint, _builder.Options.ReceiveLimit);
                if (topology.IsInProcess) endpoint.AddDeserializer(_endOfQueue);
                if (envelopes is not null) endpoint.AddDeserializer(envelopes);
                endpoint.UseRawJsonDeserializer();                  // publishers that are not MassTransit's
                message.Configure(endpoint, this);
            });
            _endpoints.Add(handle);
            if (message.IsInbox) _inboxes.Add(handle);
        }
    }

    /// <summary>An endpoint that takes our own messages only, one at a time: arrival order is processing order.</summary>
    private void ConnectOne(IBus bus, string queue, Action<IReceiveEndpointConfigurator> configure) => _endpoints.Add(((IReceiveConnector)bus).ConnectReceiveEndpoint(queue, endpoint =>
    {
        endpoint.ConcurrentMessageLimit = 1;
        endpoint.ConfigureConsumeTopology = false;
        endpoint.ClearSerialization();
        endpoint.AddSerializer(StreamSerializer.Instance);
        endpoint.AddDeserializer(StreamSerializer.Instance, isDefault: true);
        configure(endpoint);
    }));

    /// <summary>The observer hears of every bus of the application; null: this is not ours.</summary>
    private IBusInstance? InstanceOf(IBus bus) => _provider.GetServices<IBusInstance>().FirstOrDefault(instance => instance.InstanceType == _busType && instance.Bus.Address == bus.Address);

    /// <summary>Most of what the host gives to stopping; the rest is for the bus.</summary>
    private TimeSpan DrainTimeout()
    {
        var host = _provider.GetService<IOptions<HostOptions>>()?.Value.ShutdownTimeout ?? TimeSpan.FromSeconds(30);
        var bus = _provider.GetService<IOptions<MassTransitHostOptions>>()?.Value.StopTimeout ?? host;
        return (bus < host ? bus : host) * 0.8;
    }
}
