using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace GitHistory;

/// <summary>Whether RabbitMQ is there: MassTransit would try for ever, which is right for a service.</summary>
public static class Broker
{
    /// <exception cref="GitException">Nobody answers, or not this user.</exception>
    public static async Task CheckAsync(Uri address, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var connection = await new ConnectionFactory { Uri = address }.CreateConnectionAsync(cancellationToken);
        }
        catch (BrokerUnreachableException e)
        {
            throw new GitException($"RabbitMQ at {address.Host}:{(address.Port > 0 ? address.Port : 5672)} cannot be used: {e.GetBaseException().Message.TrimEnd('.')}. Start it, or name another with --rabbitmq.");
        }
    }
}
