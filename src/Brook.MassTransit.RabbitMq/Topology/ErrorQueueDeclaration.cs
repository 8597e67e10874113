using MassTransit;
using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;

namespace Brook.MassTransit.RabbitMq;

/// <summary>Declares the instance's one error queue on each new channel: nobody else would.</summary>
internal sealed class ErrorQueueDeclaration(string queue) : IFilter<ChannelContext>
{
    private static readonly Dictionary<string, object?> s_quorum = new() { ["x-queue-type"] = "quorum" };

    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        await context.ExchangeDeclare(queue, ExchangeType.Fanout, durable: true, autoDelete: false, new Dictionary<string, object?>(), context.CancellationToken).ConfigureAwait(false);
        await context.QueueDeclare(queue, durable: true, exclusive: false, autoDelete: false, s_quorum, context.CancellationToken).ConfigureAwait(false);
        await context.QueueBind(queue, queue, "", new Dictionary<string, object?>(), context.CancellationToken).ConfigureAwait(false);
        await next.Send(context).ConfigureAwait(false);
    }

    public void Probe(ProbeContext context) => context.CreateScope("brookErrorQueue").Add("queue", queue);
}
