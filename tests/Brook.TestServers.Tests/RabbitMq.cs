namespace Brook.TestServers.Tests;

internal static class RabbitMq
{
    /// <summary>A broker for this test, which is skipped where there is none.</summary>
    public static Task<RabbitMqServer> StartAsync(RabbitMqServerOptions? options = null)
    {
        Assert.SkipWhen(Servers.SkipReason(RabbitMqServer.WhyNot) is { }, RabbitMqServer.WhyNot ?? "");
        return RabbitMqServer.StartAsync(options, TestContext.Current.CancellationToken);
    }
}
