using System.Collections.Concurrent;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>Counts the messages that are published for the endpoints of an instance: once for each endpoint that gets the message.</summary>
internal sealed class PublishedMessages(Type[] consumed, StreamBacklog backlog) : IPublishObserver
{
    private readonly ConcurrentDictionary<Type, int> _endpoints = new();

    public Task PrePublish<T>(PublishContext<T> context) where T : class => CountAsync<T>(1);

    public Task PostPublish<T>(PublishContext<T> context) where T : class => Task.CompletedTask;

    public Task PublishFault<T>(PublishContext<T> context, Exception exception) where T : class => CountAsync<T>(-1);

    private Task CountAsync<T>(int by)
    {
        var endpoints = _endpoints.GetOrAdd(typeof(T), static (type, consumed) => consumed.Count(message => message.IsAssignableFrom(type)), consumed);
        if (endpoints > 0) backlog.Sent(by * endpoints);
        return Task.CompletedTask;
    }
}
