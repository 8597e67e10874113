using MassTransit;

namespace Brook.MassTransit;

/// <summary>An ordinary message type that the instance takes on an endpoint of its own.</summary>
internal sealed class MessageSubscription<TMessage> : IMessageSubscription where TMessage : class
{
    public Type MessageType => typeof(TMessage);

    public bool IsInbox => false;

    public void Configure(IReceiveEndpointConfigurator endpoint, BusBrook brook) => endpoint.Handler<TMessage>(brook.Feed.TakeAsync);
}

/// <summary>An ordinary message type that is sent on to the stream: one node at a time reads its endpoint, and a message is acknowledged when the stream has it.</summary>
internal sealed class InboxSubscription<TMessage>(string type) : IMessageSubscription where TMessage : class
{
    public Type MessageType => typeof(TMessage);

    public bool IsInbox => true;

    public void Configure(IReceiveEndpointConfigurator endpoint, BusBrook brook) => endpoint.Handler<TMessage>(async context =>
    {
        var e = new BrookEvent<TMessage>(type, context.Message)
        {
            Id = context.MessageId ?? default,              // so that it is applied once, should it be sent on twice
            Author = MessageFeed.AuthorOf(context), CreatedAt = MessageFeed.SentAtOf(context) ?? default, Headers = MessageFeed.HeadersOf(context) ?? new Dictionary<string, string>(),
        };
        await brook.Sender.SendAsync(e, context.CancellationToken).ConfigureAwait(false);
    });
}
