using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Brook;

/// <summary>An instance's status as an ASP.NET health check: <c>app.MapHealthChecks("/health")</c> shows it.</summary>
internal sealed class BrookHealthCheck(IBrookStatus status) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var now = await status.GetAsync(cancellationToken).ConfigureAwait(false);
        var health = StatusOf(now.State) is HealthStatus.Unhealthy ? context.Registration.FailureStatus : StatusOf(now.State);
        return new(health, now.Reason, data: DataOf(now));
    }

    /// <summary>What is unhealthy cannot go on without somebody or something else; what is degraded does, only late.</summary>
    public static HealthStatus StatusOf(BrookState state) => state switch
    {
        BrookState.Live or BrookState.Standby => HealthStatus.Healthy,
        BrookState.Parked or BrookState.CatchingUp or BrookState.Lagging => HealthStatus.Degraded,
        _ => HealthStatus.Unhealthy,
    };

    private static Dictionary<string, object> DataOf(BrookStatus status)
    {
        var data = new Dictionary<string, object> { ["instance"] = status.Instance, ["state"] = StatusGauges.NameOf(status.State), ["since"] = status.Since, ["in_outbox"] = status.InOutbox };
        if (status.Behind is { } behind) data["behind"] = behind;
        if (status.OldestAge is { } age) data["oldest_age"] = age;
        if (status.Parked is { } parked) data["parked"] = parked;
        foreach (var lane in status.Lanes) data[$"lane {lane.Name}"] = $"{StatusGauges.NameOf(lane.State)}: {lane.Reason}";
        return data;
    }
}

/// <summary>Registers the check of one instance, named and tagged as MassTransit does its bus; costs nothing where the application has no health checks.</summary>
internal sealed class BrookHealthCheckOptions(string instance) : IConfigureOptions<HealthCheckServiceOptions>
{
    public void Configure(HealthCheckServiceOptions options) => options.Registrations.Add(new HealthCheckRegistration(instance.Length == 0 ? "brook" : $"brook-{instance}",
        provider => new BrookHealthCheck(provider.GetRequiredKeyedService<IBrookStatus>(instance)), HealthStatus.Unhealthy, ["ready", "brook"]));
}
