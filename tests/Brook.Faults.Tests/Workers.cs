using Brook.TestServers;

[assembly: AssemblyFixture(typeof(Brook.Faults.Tests.Workers))]

namespace Brook.Faults.Tests;

/// <summary>Worker processes and brokers that trials hand on to each other.</summary>
public sealed class Workers : IAsyncDisposable
{
    private readonly WorkerPool _pool = new();

    internal async Task<Outcome> RunAsync(string fault, Feed feed, int seed, Guard? without = null, string store = "redis")
    {
        var whyNot = Store.Of(store).WhyNot;
        Assert.SkipWhen(Servers.SkipReason(whyNot) is not null, whyNot ?? "");
        return await Trial.RunAsync(_pool, Store.Of(store), Fault.All.Single(one => one.Name == fault), feed, seed, without, TestContext.Current.CancellationToken);
    }

    /// <summary>Workers that share a SQLite file.</summary>
    internal Task<Outcome> RunOnSqliteAsync(string fault, Feed feed, int seed, Guard? without = null)
        => Trial.RunAsync(_pool, Store.Of("sqlite"), Fault.All.Single(one => one.Name == fault), feed, seed, without, TestContext.Current.CancellationToken);

    /// <summary>One broker for all trials, where there is one.</summary>
    internal async Task<Outcome> RunOverAsync(string transport, string store, string fault, int seed, Guard? without = null)
    {
        var (over, on) = (Transport.Of(transport), Store.Of(store));
        var whyNot = on.WhyNot ?? over.WhyNot;
        Assert.SkipWhen(Servers.SkipReason(whyNot) is not null, whyNot ?? "");
        return await BusTrial.RunAsync(_pool, over, on, over.FaultsOn(on).Single(one => one.Name == fault), seed, without, isShort: transport == "kafka", TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        foreach (var transport in Transport.All) await transport.DisposeAsync();
    }
}
