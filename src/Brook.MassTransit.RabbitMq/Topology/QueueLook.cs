using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.RabbitMqTransport.Configuration;
using MassTransit.Transports;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Brook.MassTransit.RabbitMq;

/// <summary>Asks the broker what queues have, over a channel of its own: one that the lanes use could be busy, and a missing queue would close it. Not thread safe.</summary>
internal sealed class QueueLook(IBusInstance bus)
{
    private const int NotFound = 404;
    private IChannel? _channel;

    /// <summary>Ready messages and consumers of each queue; a queue that the broker does not have is left out.</summary>
    /// <exception cref="Exception">There is no connection, or the broker does not answer.</exception>
    public async Task<Dictionary<string, QueueDeclareOk>> CountAsync(IEnumerable<string> queues, CancellationToken cancellationToken)
    {
        var counts = new Dictionary<string, QueueDeclareOk>();
        foreach (var queue in queues)
        {
            if (_channel is not { IsOpen: true }) _channel = await OpenAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                counts[queue] = await _channel.QueueDeclarePassiveAsync(queue, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == NotFound)
            {
                continue;               // the next one gets another channel
            }
            catch
            {
                _channel = null;        // whoever answers late is not mixed up with the next question
                throw;
            }
        }
        return counts;
    }

    private async Task<IChannel> OpenAsync(CancellationToken cancellationToken)
    {
        IConnection? connection = null;
        var supervisor = ((IRabbitMqHostConfiguration)bus.HostConfiguration).ConnectionContextSupervisor;
        await supervisor.Send(Pipe.New<ConnectionContext>(pipe => pipe.UseExecute(context => connection = context.Connection)), cancellationToken).ConfigureAwait(false);
        return await connection!.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
    }
}
