namespace Brook.TestServers.Tests;

internal static class Redis
{
    /// <summary>A server for this test, which is skipped where there is none.</summary>
    public static Task<RedisServer> StartAsync(RedisServerOptions? options = null)
    {
        Assert.SkipWhen(Servers.SkipReason(RedisServer.WhyNot) is { }, RedisServer.WhyNot ?? "");
        return RedisServer.StartAsync(options, TestContext.Current.CancellationToken);
    }
}
