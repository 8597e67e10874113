using Brook;
using Brook.Lanes;
using Brook.MassTransit.Testing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts the harness into an application under test.</summary>
public static class BrookTestingExtensions
{
    /// <summary>
    /// Adds a <see cref="BrookTestHarness"/> for an instance that <c>AddBrook</c> has added, after it: sends are captured, and failing events are tried again
    /// without a pause. A keyed service under the instance's name; that of the default instance plain as well.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="instance">The instance's name. Default: the default instance.</param>
    /// <exception cref="BrookException">There is no such instance.</exception>
    public static IServiceCollection AddBrookTestHarness(this IServiceCollection services, string instance = "")
    {
        ArgumentNullException.ThrowIfNull(services);
        var builder = services.FirstOrDefault(service => service.ServiceType == typeof(BrookBuilder) && Equals(service.ServiceKey, instance))?.KeyedImplementationInstance as BrookBuilder
            ?? throw new BrookException($"There is no Brook instance '{(instance.Length == 0 ? "brook" : instance)}' to test. Call AddBrookTestHarness after AddMassTransit(x => x.AddBrook(...)).");
        builder.Options.RetryDelay = TimeSpan.Zero;
        var transport = services.Last(service => service.ServiceType == typeof(IBrookTransport) && Equals(service.ServiceKey, instance));
        services.Remove(transport);
        services.AddKeyedSingleton(instance, (provider, key) => new CapturingTransport((IBrookTransport)transport.KeyedImplementationFactory!(provider, key)));
        services.AddKeyedSingleton<IBrookTransport>(instance, (provider, key) => provider.GetRequiredKeyedService<CapturingTransport>(key));
        services.AddKeyedSingleton(instance, (provider, key) => new BrookTestHarness(provider, instance, provider.GetRequiredKeyedService<CapturingTransport>(key)));
        if (instance.Length == 0) services.TryAddSingleton(provider => provider.GetRequiredKeyedService<BrookTestHarness>(""));
        return services;
    }
}
