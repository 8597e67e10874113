using System.Text.Json;
using System.Threading.Channels;
using Confluent.Kafka;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Context;
using MassTransit.DependencyInjection;
using MassTransit.Serialization;
using MassTransit.Transports;
using MassTransit.Util;

namespace Brook.Bench.Scenarios.Kafka;

/// <summary>
/// As small as a rider can be: one topic, each record dispatched as one message, in order in a partition, partitions side by side; an offset is stored when
/// its message is handled. A record has no headers here, so none are read, and no fault is published.
/// </summary>
internal static class RecordRider
{
    public static void UsingRecords<T>(this IRiderRegistrationConfigurator rider, ConsumerConfig config, string topic, Func<ReadOnlyMemory<byte>, T> read, Arrivals arrivals) where T : class
        => rider.SetRiderFactory(new Factory<T>(new(config, topic, read, arrivals)));

    private interface IRecordRider : IRider;

    private sealed record Setup<T>(ConsumerConfig Config, string Topic, Func<ReadOnlyMemory<byte>, T> Read, Arrivals Arrivals);

    private sealed class Factory<T>(Setup<T> setup) : IRegistrationRiderFactory<IRecordRider> where T : class
    {
        public IBusInstanceSpecification CreateRider(IRiderRegistrationContext context) => new Specification<T>(context, setup);
    }

    private sealed class Specification<T>(IRiderRegistrationContext context, Setup<T> setup) : IBusInstanceSpecification where T : class
    {
        public void Configure(IBusInstance bus)
        {
            var name = $"kafka/{setup.Topic}";
            var configuration = new Configuration(bus, bus.HostConfiguration.CreateReceiveEndpointConfiguration(name));
            configuration.ConfigureConsumers(context);
            var (endpoint, endpoints) = (configuration.CreateReceiveEndpointContext(), new ReceiveEndpointCollection());
            endpoints.Add(name, new ReceiveEndpoint(new Transport<T>(endpoint, setup), endpoint));
            bus.Connect<IRecordRider>(new Rider(endpoints));
        }

        public IEnumerable<ValidationResult> Validate() => [];
    }

    private sealed class Rider(ReceiveEndpointCollection endpoints) : IRecordRider, IRiderControl
    {
        public RiderHandle Start(CancellationToken cancellationToken = default) => new Started(endpoints, endpoints.StartEndpoints(cancellationToken));

        public IEnumerable<EndpointHealthResult> CheckEndpointHealth() => endpoints.CheckEndpointHealth();
    }

    private sealed class Started(ReceiveEndpointCollection endpoints, HostReceiveEndpointHandle[] handles) : RiderHandle
    {
        public Task Ready => Task.WhenAll(handles.Select(handle => handle.Ready));

        public Task StopAsync(CancellationToken cancellationToken) => endpoints.StopEndpoints(cancellationToken);
    }

    private sealed class Configuration : ReceiveEndpointConfiguration, IReceiveEndpointConfigurator
    {
        private readonly IBusInstance _bus;
        private readonly IReceiveEndpointConfiguration _inner;

        public Configuration(IBusInstance bus, IReceiveEndpointConfiguration inner) : base(bus.HostConfiguration, inner)
        {
            (_bus, _inner, PublishFaults) = (bus, inner, false);
            this.RethrowFaultedMessages();
            this.DiscardSkippedMessages();
        }

        public override Uri HostAddress => _inner.HostAddress;

        public override Uri InputAddress => _inner.InputAddress;

        public override ReceiveEndpointContext CreateReceiveEndpointContext()
        {
            ApplySpecifications(new Builder(this));
            return new Context(_bus, this);
        }

        private sealed class Builder(IReceiveEndpointConfiguration configuration) : ReceiveEndpointBuilder(configuration);
    }

    private sealed class Context(IBusInstance bus, IReceiveEndpointConfiguration configuration) : BaseReceiveEndpointContext(bus.HostConfiguration, configuration)
    {
        public override void AddSendAgent(IAgent agent) { }

        public override void AddConsumeAgent(IAgent agent) { }

        public override Exception ConvertException(Exception exception, string message) => new ConnectionException(message, exception);

        protected override ISendTransportProvider CreateSendTransportProvider() => throw new NotSupportedException();

        protected override IPublishTransportProvider CreatePublishTransportProvider() => throw new NotSupportedException();

        protected override IPublishEndpointProvider CreatePublishEndpointProvider() => bus.Bus;

        protected override ISendEndpointProvider CreateSendEndpointProvider() => bus.Bus;
    }

    private sealed class Transport<T>(ReceiveEndpointContext context, Setup<T> setup) : IReceiveTransport where T : class
    {
        public ReceiveTransportHandle Start() => new Reading<T>(context, setup);

        public ConnectHandle ConnectReceiveObserver(IReceiveObserver observer) => context.ConnectReceiveObserver(observer);

        public ConnectHandle ConnectPublishObserver(IPublishObserver observer) => context.ConnectPublishObserver(observer);

        public ConnectHandle ConnectSendObserver(ISendObserver observer) => context.ConnectSendObserver(observer);

        public ConnectHandle ConnectReceiveTransportObserver(IReceiveTransportObserver observer) => context.ConnectReceiveTransportObserver(observer);

        public void Probe(ProbeContext context1) => context.Probe(context1);
    }

    private sealed class Reading<T> : ReceiveTransportHandle where T : class
    {
        private readonly ReceiveEndpointContext _context;
        private readonly Setup<T> _setup;
        private readonly IReceivePipeDispatcher _dispatcher;
        private readonly IConsumer<byte[], byte[]> _consumer;
        private readonly Dictionary<TopicPartition, (Channel<ConsumeResult<byte[], byte[]>> Records, Task Running)> _lanes = [];
        private readonly Task _polling;
        private volatile bool _stopping;

        public Reading(ReceiveEndpointContext context, Setup<T> setup)
        {
            (_context, _setup, _dispatcher) = (context, setup, context.CreateReceivePipeDispatcher());
            _consumer = new ConsumerBuilder<byte[], byte[]>(setup.Config).Build();
            _consumer.Subscribe(setup.Topic);
            _polling = Task.Factory.StartNew(Poll, TaskCreationOptions.LongRunning);
        }

        public Task Stop(CancellationToken cancellationToken = default)
        {
            _stopping = true;
            return _polling;
        }

        private void Poll()
        {
            LogContext.SetCurrentIfNull(_context.LogContext);
            _ = _context.TransportObservers.NotifyReady(_context.InputAddress);
            while (!_stopping)
            {
                if (_consumer.Consume(TimeSpan.FromMilliseconds(100)) is not { } record) continue;
                if (!_lanes.TryGetValue(record.TopicPartition, out var lane))
                {
                    var records = Channel.CreateBounded<ConsumeResult<byte[], byte[]>>(new BoundedChannelOptions(2000) { SingleReader = true, SingleWriter = true });
                    _lanes[record.TopicPartition] = lane = (records, Task.Run(() => HandleAsync(records.Reader)));
                }
                if (!lane.Records.Writer.TryWrite(record)) lane.Records.Writer.WriteAsync(record).AsTask().GetAwaiter().GetResult();
            }
            foreach (var (records, _) in _lanes.Values) records.Writer.Complete();
            Task.WaitAll([.. _lanes.Values.Select(lane => lane.Running)]);
            _consumer.Close();
            _consumer.Dispose();
        }

        private async Task HandleAsync(ChannelReader<ConsumeResult<byte[], byte[]>> records)
        {
            await foreach (var record in records.ReadAllAsync())
            {
                using var context = new RecordContext<T>(_context, record, _setup.Read(record.Message.Value));
                await _dispatcher.Dispatch(context, new OffsetLock(_consumer, record));
                _setup.Arrivals.Add();
            }
        }
    }

    private sealed class OffsetLock(IConsumer<byte[], byte[]> consumer, ConsumeResult<byte[], byte[]> record) : ReceiveLockContext
    {
        public Task Complete()
        {
            consumer.StoreOffset(record);
            return Task.CompletedTask;
        }

        public Task Faulted(Exception exception) => Task.CompletedTask;

        public Task ValidateLockStatus() => Task.CompletedTask;
    }

    private sealed class RecordContext<T> : BaseReceiveContext where T : class
    {
        public RecordContext(ReceiveEndpointContext endpoint, ConsumeResult<byte[], byte[]> record, T message) : base(false, endpoint)
        {
            Body = new BytesMessageBody(record.Message.Value);
            var consume = new BodyConsumeContext(this, new RecordSerializer<T>(new Envelope(this, record.Message.Timestamp.UtcDateTime), message));
            AddOrUpdatePayload<ConsumeContext>(() => consume, _ => consume);
        }

        public override MessageBody Body { get; }

        protected override IHeaderProvider HeaderProvider { get; } = new DictionaryHeaderProvider(new Dictionary<string, object>());
    }

    private sealed class Envelope(ReceiveContext context, DateTime sent) : MessageContext
    {
        public Guid? MessageId => null;
        public Guid? RequestId => null;
        public Guid? CorrelationId => null;
        public Guid? ConversationId => null;
        public Guid? InitiatorId => null;
        public DateTime? ExpirationTime => null;
        public Uri? SourceAddress => null;
        public Uri? DestinationAddress => context.InputAddress;
        public Uri? ResponseAddress => null;
        public Uri? FaultAddress => null;
        public DateTime? SentTime => sent;
        public global::MassTransit.Headers Headers => context.TransportHeaders;
        public HostInfo Host => null!;
    }

    private sealed class RecordSerializer<T>(MessageContext envelope, T message) : BaseSerializerContext(SystemTextJsonMessageSerializer.Instance, envelope, MessageTypeCache<T>.MessageTypeNames) where T : class
    {
        public override bool IsSupportedMessageType<TMessage>() => typeof(TMessage).IsAssignableFrom(typeof(T));

        public override bool IsSupportedMessageType(Type messageType) => messageType.IsAssignableFrom(typeof(T));

        public override bool TryGetMessage<TMessage>(out TMessage? found) where TMessage : class => (found = message as TMessage) is not null;

        public override bool TryGetMessage(Type messageType, out object found) => (found = messageType.IsInstanceOfType(message) ? message : null!) is not null;

        public override IMessageSerializer GetMessageSerializer() => throw new NotSupportedException();

        public override IMessageSerializer GetMessageSerializer<TMessage>(MessageEnvelope envelope, TMessage message) => throw new NotSupportedException();

        public override IMessageSerializer GetMessageSerializer(object message, string[] messageTypes) => throw new NotSupportedException();

        public override Dictionary<string, object> ToDictionary<TMessage>(TMessage? message) where TMessage : class => ConvertObject.ToDictionary(message);
    }
}
