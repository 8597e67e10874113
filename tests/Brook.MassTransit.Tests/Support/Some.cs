using Brook.MassTransit.Testing;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Tests.Support;

internal static class Some
{
    /// <summary>An application with one instance on the in-memory transport.</summary>
    public static Task<BrookTestHarness> HarnessAsync(Action<BrookBuilder> configure, Action<IBusRegistrationConfigurator>? bus = null, Action<IServiceCollection>? services = null)
        => BrookTestHarness.StartAsync(configure, bus, services, TestContext.Current.CancellationToken);
}
