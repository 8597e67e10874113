using Brook;
using Brook.Lanes;
using Brook.MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace MassTransit;

/// <summary>The front door: <c>x.AddBrook(...)</c> in the bus setup.</summary>
public static class BrookRegistrationExtensions
{
    /// <summary>Referencing the package is enough: a constant name, so that trimming keeps it.</summary>
    private const string RabbitMq = "Brook.MassTransit.RabbitMq.RabbitMqTopology, Brook.MassTransit.RabbitMq";

    /// <summary>Adds the default instance to the bus: <see cref="IBrook"/>, <see cref="IBrookView"/> and <see cref="IParkedEvents"/> are plain services.</summary>
    /// <exception cref="BrookException">There is a default instance already, or the setup is not valid; errors of the options come all together.</exception>
    public static IBusRegistrationConfigurator AddBrook(this IBusRegistrationConfigurator bus, Action<BrookBuilder> configure) => bus.AddBrook("", configure);

    /// <summary>Adds a named instance to the bus: its services are keyed by <paramref name="name"/>.</summary>
    /// <exception cref="BrookException">The name is taken, or the setup is not valid; errors of the options come all together.</exception>
    public static IBusRegistrationConfigurator AddBrook(this IBusRegistrationConfigurator bus, string name, Action<BrookBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(bus);
        var (stream, busType) = (new StreamOptions(name), BusTypeOf(bus));
        bus.AddKeyedSingleton(name, stream);
        var builder = BrookBuilder.Register(bus, name, configure);
        stream.Validate(builder.IsSendOnly);
        bus.TryAddEnumerable(ServiceDescriptor.Singleton<IStreamTopology, InMemoryTopology>());
#pragma warning disable RS0030 // a name of ours, not from outside: the package, where there is a reference to it
        if (Type.GetType(RabbitMq) is { } rabbitMq) bus.TryAddEnumerable(ServiceDescriptor.Singleton(typeof(IStreamTopology), rabbitMq));
#pragma warning restore RS0030
        bus.TryAddKeyedSingleton<BusStreams>(busType);
        bus.AddKeyedSingleton(name, (provider, _) => new BusBrook(provider, builder, stream, busType));
        bus.AddKeyedSingleton<IBrookTransport>(name, (provider, _) => provider.GetRequiredKeyedService<BusBrook>(name).Transport);
        bus.AddSingleton<IBusObserver>(provider => provider.GetRequiredKeyedService<BusBrook>(name));    // one each: AddBusObserver would keep the first only
        return bus;
    }

    /// <summary>With several buses in one application each has a type of its own; the default bus is <see cref="IBus"/>.</summary>
    private static Type BusTypeOf(IBusRegistrationConfigurator bus) => bus.GetType().GetInterfaces()
        .FirstOrDefault(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IBusRegistrationConfigurator<>))?.GetGenericArguments()[0] ?? typeof(IBus);
}
