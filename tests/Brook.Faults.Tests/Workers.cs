using Brook.TestServers;

[assembly: AssemblyFixture(typeof(Brook.Faults.Tests.Workers))]

namespace Brook.Faults.Tests;

/// <summary>Worker processes that trials hand on to each other.</summary>
public sealed class Workers : IAsyncDisposable
{
    private readonly WorkerPool _pool = new();

    internal async Task<Outcome> RunAsync(string fault, Feed feed, int seed, Guard? without = null)
    {
        Assert.SkipWhen(Servers.SkipReason(RedisServer.WhyNot) is not null, RedisServer.WhyNot ?? "");
        return await Trial.RunAsync(_pool, Store.Of("redis"), Fault.All.Single(one => one.Name == fault), feed, seed, without, TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => _pool.DisposeAsync();
}
