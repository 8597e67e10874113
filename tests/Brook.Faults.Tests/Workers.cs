using Brook.TestServers;

[assembly: AssemblyFixture(typeof(Brook.Faults.Tests.Workers))]

namespace Brook.Faults.Tests;

/// <summary>Worker processes and a broker that trials hand on to each other.</summary>
public sealed class Workers : IAsyncDisposable
{
    private readonly WorkerPool _pool = new();
    private readonly RabbitBroker _broker = new();

    internal async Task<Outcome> RunAsync(string fault, Feed feed, int seed, Guard? without = null, string store = "redis")
    {
        var whyNot = Store.Of(store).WhyNot;
        Assert.SkipWhen(Servers.SkipReason(whyNot) is not null, whyNot ?? "");
        return await Trial.RunAsync(_pool, Store.Of(store), Fault.All.Single(one => one.Name == fault), feed, seed, without, TestContext.Current.CancellationToken);
    }

    /// <summary>One broker for all trials.</summary>
    internal async Task<Outcome> RunOverRabbitAsync(string fault, int seed, Guard? without = null)
    {
        var whyNot = RedisServer.WhyNot ?? RabbitMqServer.WhyNot;
        Assert.SkipWhen(Servers.SkipReason(whyNot) is not null, whyNot ?? "");
        return await RabbitTrial.RunAsync(_pool, _broker, Store.Of("redis"), RabbitFault.All.Single(one => one.Name == fault), seed, without, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        await _broker.DisposeAsync();
    }
}
