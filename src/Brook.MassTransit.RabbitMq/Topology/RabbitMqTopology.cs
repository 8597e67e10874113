using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.RabbitMqTransport.Configuration;
using MassTransit.Transports;
using RabbitMQ.Client.Exceptions;

namespace Brook.MassTransit.RabbitMq;

/// <summary>
/// MassTransit's RabbitMQ transport. Found by its name (Brook.MassTransit's BrookRegistrationExtensions), so that referencing the package is all an application does.
/// </summary>
internal sealed class RabbitMqTopology : IStreamTopology
{
    private static readonly IPipe<ConnectionContext> s_connected = Pipe.Empty<ConnectionContext>();

    private readonly SetupTurn _turn = new(TimeProvider.System);      // a broker is waited for in real time

    public bool IsInProcess => false;

    public bool Fits(Uri hostAddress) => hostAddress.Scheme is "rabbitmq" or "rabbitmqs" or "amqp" or "amqps";

    public Uri DirectExchange(string name) => new($"exchange:{name}?type=direct");

    public Uri FanOutExchange(string name) => new($"exchange:{name}");

    public IStreamLanes LanesOf(StreamReading reading) => new RabbitMqLanes(reading, _turn);

    public void BindForward(IReceiveEndpointConfigurator endpoint, string exchange)
    {
        var queue = (IRabbitMqReceiveEndpointConfigurator)endpoint;
        queue.Durable = false;                  // at most once: what is for a node that is gone is for nobody
        queue.QueueExpiration = TimeSpan.FromMinutes(1);
        queue.Bind(exchange);
        queue.ConfigureChannel(channel => channel.UseFilter(new OrderlyStart(_turn, queue.InputAddress, TimeProvider.System)));
    }

    public void PrepareMessages(IReceiveEndpointConfigurator endpoint, bool inOrder, string errorQueue)
    {
        var queue = (IRabbitMqReceiveEndpointConfigurator)endpoint;
        queue.SetQuorumQueue();
        queue.ConfigureChannel(channel =>
        {
            channel.UseFilter(new OrderlyStart(_turn, queue.InputAddress, TimeProvider.System, inOrder));
            channel.UseFilter(new ErrorQueueDeclaration(errorQueue));       // the instance may have no lanes
        });
        if (!inOrder) return;
        queue.SingleActiveConsumer = true;
        queue.PrefetchCount = 1;
    }

    public void Prepare(SendContext context)
    {
        if (context is not RabbitMqSendContext message) return;
        message.Mandatory = true;               // the broker returns what no queue is bound for
        message.AwaitAck = true;
    }

    public async ValueTask ConnectAsync(IBusInstance bus, CancellationToken cancellationToken)
        => await ((IRabbitMqHostConfiguration)bus.HostConfiguration).ConnectionContextSupervisor.Send(s_connected, cancellationToken).ConfigureAwait(false);

    public Exception? Refusal(Exception error, string stream, int partition)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is MessageReturnedException)
                return new BrookException($"No view is bound to partition {partition} of stream '{stream}' on this broker, so the event was returned. Start a service that reads the stream with at least {partition + 1} partition(s), or check the stream's name and the virtual host.", error);
            if (cause is OperationInterruptedException { ShutdownReason: { ReplyCode: 403 or 404 or 406 or 530 } reason })
                return new BrookException($"The broker refuses stream '{stream}', partition {partition}: {reason.ReplyCode} {reason.ReplyText}. Check the user's rights on the virtual host, and whether the exchange '{WireContract.Exchange(stream)}' was made by something else.", error);
            if (cause is AuthenticationFailureException)
                return new BrookException($"The broker refuses the user: {cause.Message}. Check user name, password and virtual host of UsingRabbitMq.", error);
        }
        return null;
    }
}
