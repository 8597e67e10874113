using Brook;
using Brook.Lanes;
using Microsoft.Extensions.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Brook without a message bus.</summary>
public static class BrookServiceCollectionExtensions
{
    /// <summary>Adds the default instance with the in-process driver: events go from <see cref="IBrook"/> straight to the handlers of this process. They end with it. Follows <c>Brook.Driver.Default</c>.</summary>
    /// <exception cref="BrookException">The setup is not valid; errors of the options come all together.</exception>
    public static IServiceCollection AddBrookInProcess(this IServiceCollection services, Action<BrookBuilder> configure) => services.AddBrookInProcess("", configure);

    /// <summary>Adds a named instance with the in-process driver; its services are keyed by <paramref name="name"/>.</summary>
    /// <exception cref="BrookException">The name is taken, or the setup is not valid; errors of the options come all together.</exception>
    public static IServiceCollection AddBrookInProcess(this IServiceCollection services, string name, Action<BrookBuilder> configure)
    {
        var builder = BrookBuilder.Register(services, name, configure);
        if (builder.IsSendOnly) throw new BrookException("SendOnly() makes no sense in process: nobody else could receive the events. Remove it, or use a bus.");
        services.AddKeyedSingleton(name, (provider, _) => new InProcessTransport(provider.GetRequiredKeyedService<BrookEngine>(name)));
        services.AddKeyedSingleton<IBrookTransport>(name, (provider, _) => provider.GetRequiredKeyedService<InProcessTransport>(name));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<InProcessTransport>(name));
        return services;
    }
}
