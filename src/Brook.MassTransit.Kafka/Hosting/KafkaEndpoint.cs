using MassTransit;
using MassTransit.Configuration;
using MassTransit.Middleware;
using MassTransit.Transports;

namespace Brook.MassTransit.Kafka;

/// <summary>An instance on Kafka as MassTransit sees it: a receive endpoint with its observers and its health.</summary>
internal static class KafkaEndpoint
{
    public static string NameOf(KafkaDriver driver) => $"kafka/{driver.Instance}/{driver.Settings.SendTo}";

    public static ReceiveEndpoint Create(KafkaDriver driver, IBusInstance bus)
    {
        var configuration = new Configuration(bus, bus.HostConfiguration.CreateReceiveEndpointConfiguration(NameOf(driver)));
        var context = configuration.CreateReceiveEndpointContext();
        var transport = new Transport(driver, context);
        return transport.Endpoint = new ReceiveEndpoint(transport, context);
    }

    private sealed class Configuration(IBusInstance bus, IReceiveEndpointConfiguration inner) : ReceiveEndpointConfiguration(bus.HostConfiguration, inner)
    {
        public override Uri HostAddress => inner.HostAddress;

        public override Uri InputAddress => inner.InputAddress;

        public override ReceiveEndpointContext CreateReceiveEndpointContext() => new Context(bus, this);
    }

    private sealed class Context(IBusInstance bus, IReceiveEndpointConfiguration configuration) : BaseReceiveEndpointContext(bus.HostConfiguration, configuration)
    {
        public override void AddSendAgent(IAgent agent) { }

        public override void AddConsumeAgent(IAgent agent) { }

        public override Exception ConvertException(Exception exception, string message) => new ConnectionException(message, exception);

        protected override ISendTransportProvider CreateSendTransportProvider() => throw new NotSupportedException("Events are sent with IBrook.");

        protected override IPublishTransportProvider CreatePublishTransportProvider() => throw new NotSupportedException("Events are sent with IBrook.");

        protected override IPublishEndpointProvider CreatePublishEndpointProvider() => bus.Bus;

        protected override ISendEndpointProvider CreateSendEndpointProvider() => bus.Bus;
    }

    private sealed class Transport(KafkaDriver driver, ReceiveEndpointContext context) : IReceiveTransport
    {
        public ReceiveEndpoint Endpoint { get; set; } = null!;

        public ReceiveTransportHandle Start() => new Running(driver, context, Endpoint);

        public ConnectHandle ConnectReceiveObserver(IReceiveObserver observer) => context.ConnectReceiveObserver(observer);

        public ConnectHandle ConnectPublishObserver(IPublishObserver observer) => context.ConnectPublishObserver(observer);

        public ConnectHandle ConnectSendObserver(ISendObserver observer) => context.ConnectSendObserver(observer);

        public ConnectHandle ConnectReceiveTransportObserver(IReceiveTransportObserver observer) => context.ConnectReceiveTransportObserver(observer);

        public void Probe(ProbeContext probe) => probe.CreateScope("kafka").Add("topics", string.Join(",", driver.Settings.Topics.Select(topic => topic.Name)));
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The semaphore has no handle.")]
    private sealed class Running : ReceiveTransportHandle
    {
        private readonly KafkaDriver _driver;
        private readonly ReceiveEndpointContext _context;
        private readonly ReceiveEndpoint _endpoint;
        private readonly SemaphoreSlim _telling = new(1);
        private readonly Task _starting;
        private string? _told = "";

        public Running(KafkaDriver driver, ReceiveEndpointContext context, ReceiveEndpoint endpoint)
        {
            (_driver, _context, _endpoint) = (driver, context, endpoint);
            driver.Watch.Changed = () => _ = TellAsync();
            _starting = StartAsync();
        }

        public async Task Stop(CancellationToken cancellationToken = default)
        {
            _driver.Watch.Changed = static () => { };
            await _driver.StopAsync(cancellationToken).ConfigureAwait(false);
            await _starting.ConfigureAwait(false);
            await _context.TransportObservers.NotifyCompleted(_context.InputAddress, new Metrics()).ConfigureAwait(false);
        }

        private async Task StartAsync()
        {
            try
            {
                await _driver.StartAsync(_context).ConfigureAwait(false);
                await TellAsync(isStart: true).ConfigureAwait(false);       // the start is over, whatever is wrong now
                await TellAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // stopped before the broker answered
            }
            catch (Exception error)
            {
                await _context.TransportObservers.NotifyFaulted(_context.InputAddress, error).ConfigureAwait(false);
            }
        }

        /// <summary>What is wrong is the endpoint's health, and nothing else is.</summary>
        private async Task TellAsync(bool isStart = false)
        {
            await _telling.WaitAsync().ConfigureAwait(false);
            try
            {
                var problem = isStart ? null : _driver.Watch.Problem ?? _driver.Halted.FirstOrDefault() ?? (_driver.IsStarted ? null : $"it waits for topic '{_driver.ForwardTopic}', on which nodes tell each other of applied events");
                if (problem == _told) return;
                _told = problem;
                if (_endpoint.CurrentState == ReceiveEndpoint.State.Faulted) _endpoint.CurrentState = ReceiveEndpoint.State.Started;      // else MassTransit keeps the first reason
                if (problem is null) await _context.TransportObservers.NotifyReady(_context.InputAddress).ConfigureAwait(false);
                else await _context.TransportObservers.NotifyFaulted(_context.InputAddress, new BrookException(problem)).ConfigureAwait(false);
            }
            finally
            {
                _telling.Release();
            }
        }

        private sealed class Metrics : DeliveryMetrics
        {
            public long DeliveryCount => 0;

            public int ConcurrentDeliveryCount => 0;
        }
    }
}
