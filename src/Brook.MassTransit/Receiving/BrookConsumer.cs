using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit;

/// <summary>
/// Feeds Brook from any endpoint the application makes, another rider's for one: register it as any consumer. The message type must be mapped
/// (<see cref="BrookBuilder.Event{T}"/>). A message is applied once by its message id; a failing one is set aside, so the consumer does not throw. Thread safe.
/// </summary>
/// <param name="services">The application's services.</param>
public sealed class BrookConsumer<TMessage>(IServiceProvider services) : IConsumer<TMessage> where TMessage : class
{
    /// <summary>The Brook instance to feed. Default: the default instance.</summary>
    public string Instance { get; init; } = "";

    /// <summary>Ends when the message is in the view, known already, or set aside.</summary>
    /// <exception cref="BrookException">The message type is mapped to no event type.</exception>
    public Task Consume(ConsumeContext<TMessage> context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return services.GetRequiredKeyedService<BusBrook>(Instance).Feed.TakeAsync(context);
    }
}
