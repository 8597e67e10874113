using System.Text;
using Brook.Lanes;
using Confluent.Kafka;
using MassTransit.Transports;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Brook.MassTransit.Kafka;

/// <summary>One instance on Kafka: what sends and what reads, started and stopped with the bus.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The token source has no timer and no handle; late callers may still look at it.")]
internal sealed class KafkaDriver : IStreamDriver
{
    private readonly StreamDriving _driving;
    private readonly KafkaSettings _settings;
    private readonly ILogger _logger;
    private readonly KafkaSender _sender;
    private readonly CancellationTokenSource _stopping = new();
    private KafkaReader? _reader;
    private Task _forwards = Task.CompletedTask;
    private Task? _stopped;

    public KafkaDriver(StreamDriving driving, KafkaSettings settings)
    {
        (_driving, _settings) = (driving, settings);
        _logger = driving.Provider.GetService<ILoggerFactory>()?.CreateLogger("Brook.MassTransit.Kafka") ?? NullLogger.Instance;
        _sender = new KafkaSender(driving.Stream.Instance, settings, driving.Gate, _logger);
        ForwardTopic = settings.ForwardTopic ?? $"{settings.SendTo}.{driving.Stream.Instance}.forward";
        Watch = new BrokerWatch(driving.Stream.Instance, settings, driving.Time, _logger);
    }

    /// <summary>Where nodes tell each other of applied events.</summary>
    public string ForwardTopic { get; }

    public string Instance => _driving.Stream.Instance;

    public KafkaSettings Settings => _settings;

    /// <summary>Whether the broker is there.</summary>
    public BrokerWatch Watch { get; }

    public KafkaReader? Reader => _reader;

    /// <summary>The broker has answered, and what other nodes tell is heard.</summary>
    public bool IsStarted { get; private set; }

    public bool ForwardsToOtherNodes => _driving.Stream.Forwards;

    public IEnumerable<string> Halted => _reader?.Halted ?? [];

    /// <summary>It reads; else it only sends.</summary>
    private bool Reads => _settings.Topics.Count > 0 && !_driving.Builder.IsSendOnly;

    public void Connect(IBusInstance bus)
    {
        if (Reads && _settings.Group is null)
            throw new BrookException($"Brook instance '{Instance}' reads Kafka without a group's name. Name it after the view: kafka.Group(\"orders-view\"). Processes with one group share the events, so a name that another service has would take events away from it.");
        _driving.Provider.GetRequiredService<KafkaRiders>().Of(bus).Add(this, bus);
    }

    /// <summary>The rider starts. Ends when the broker has answered, and what other nodes tell is heard.</summary>
    public async Task StartAsync(ReceiveEndpointContext endpoint)
    {
        _sender.Open();
        if (!Reads)
        {
            Watch.Start(() => _sender.Client, _stopping.Token);
        }
        else
        {
            var engine = _driving.Provider.GetRequiredKeyedService<BrookEngine>(_driving.Builder.Name);
            var parts = new LaneParts(Instance, _settings, engine, Watch, _driving.Time, _logger) { Endpoint = endpoint };
            _reader = new KafkaReader(parts, _settings.ReaderConfig(_driving.Builder.IsPerNode ? _driving.Stream.Node : null));
            Watch.Start(() => _reader.Client, _stopping.Token);
            _reader.Start();
            if (ForwardsToOtherNodes)
            {
                var forwards = new ForwardReader(Instance, ForwardTopic, _driving.Stream.Node, _settings.ForwardConfig(_driving.Stream.Node), engine, _driving.Time, _logger);
                _forwards = Task.Run(() => forwards.RunAsync(_stopping.Token), CancellationToken.None);
                await forwards.Ready.WaitAsync(_stopping.Token).ConfigureAwait(false);
            }
        }
        await Watch.Answered.WaitAsync(_stopping.Token).ConfigureAwait(false);
        IsStarted = true;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_stopping)
        {
            if (_stopped is null || cancellationToken.IsCancellationRequested) _ = _reader?.StopAsync(cancellationToken);
            return _stopped ??= EndAsync(cancellationToken);
        }
    }

    public ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken) => _sender.SendAsync(events, fromHandlers, cancellationToken);

    public ValueTask ForwardAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken)
    {
        _sender.Tell(ForwardTopic, events.Span, new Headers { { ForwardReader.NodeHeader, Encoding.UTF8.GetBytes(_driving.Stream.Node) } });
        return default;
    }

    public async ValueTask<SourceStatus> LookAtSourceAsync(CancellationToken cancellationToken)
    {
        if (Watch.Problem is { } problem) return new() { IsStarted = IsStarted, Problem = Watch.IsAsking ? null : problem, Lanes = _reader?.Lanes ?? [] };
        if (_reader is not null) return new() { IsStarted = IsStarted, Lanes = await _reader.LookAsync(cancellationToken).ConfigureAwait(false) };
        if (!Reads) await Task.Run(() => Watch.Ask(_sender.Client), cancellationToken).ConfigureAwait(false);
        return new() { IsStarted = IsStarted };
    }

    /// <summary>After a stop nothing is left to do; without one everything ends by itself now.</summary>
    public void Dispose() => _ = StopAsync(new CancellationToken(canceled: true));

    private async Task EndAsync(CancellationToken cancellationToken)
    {
        await Task.Yield();                                         // not under the lock
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_reader is not null) await _reader.StopAsync(cancellationToken).ConfigureAwait(false);
        await _sender.FlushAsync(cancellationToken).ConfigureAwait(false);
        await _forwards.ConfigureAwait(false);
        await Watch.Asking.ConfigureAwait(false);
        await Task.Run(_sender.Dispose, CancellationToken.None).ConfigureAwait(false);
    }
}
