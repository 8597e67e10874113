namespace Brook.Faults.Tests;

/// <summary>One trial of each fault over each transport and Redis, and of each over the in-memory transport into memory: ./bench/faults --all runs many of all.</summary>
[Collection("trials, one after the other")]
public sealed class BusFaultTests(Workers workers)
{
    public static TheoryData<string, string, string> Faults =>
    [
        .. from transport in Transport.All
           from store in new[] { "redis", "inmemory" }
           from fault in transport.FaultsOn(Store.Of(store))
           where !fault.IsAskedFor && (store == "redis" || transport is InMemoryTransport || fault.Name == "stop-start")
           select (transport.Name, store, fault.Name),
    ];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task The_view_equals_a_clean_fold_whatever_goes_wrong(string transport, string store, string fault)
    {
        var outcome = await workers.RunOverAsync(transport, store, fault, seed: 1);

        Assert.True(outcome.IsExact, Report.Text(outcome));
        Assert.True(fault == "calm" || outcome.Injected > 0, "nothing went wrong");
        Assert.True(outcome.Events > 0 && outcome.Reads > 0, "nothing was sent, or nobody looked meanwhile");
        Assert.True(outcome.Parked > 0 && outcome.Released > 0, "nothing was set aside, or nothing of it released");
    }
}

/// <summary>The trials are worth something only if they notice a missing guard.</summary>
[Collection("trials, one after the other")]
public sealed class BusGuardTests(Workers workers)
{
    private const int Trials = 3;

    /// <summary>The others take longer, and are for ./bench/faults --transport ... --ablations.</summary>
    [Theory]
    [InlineData("rabbitmq", "redis", "ack-after-commit")]
    [InlineData("kafka", "redis", "set-aside")]
    [InlineData("inmemory", "inmemory", "message-ids")]
    [InlineData("inmemory", "inmemory", "event-ids")]
    [InlineData("inmemory", "inmemory", "versions")]
    [InlineData("inmemory", "inmemory", "settling")]
    [InlineData("inmemory", "inmemory", "released-rows")]
    [InlineData("inmemory", "inmemory", "held-keys")]
    public async Task A_missing_guard_is_noticed(string transport, string store, string name)
    {
        var guard = Transport.Of(transport).Guards.Single(guard => guard.Name == name);
        for (var seed = 1; seed <= Trials; seed++)
            if (await workers.RunOverAsync(transport, store, guard.Fault, seed, guard) is { IsExact: false }) return;
        Assert.Fail($"{Trials} trials of {guard.Fault} have not noticed it.");
    }
}

/// <summary>Keys go where the bench thinks: otherwise no trial would mean anything.</summary>
public sealed class KeysTests
{
    [Fact]
    public void A_key_for_each_partition_names_the_entry()
    {
        var keys = Keys.For(16);
        Assert.Equal(16, Enumerable.Range(0, 16).Select(partition => keys("1.2", partition)).Distinct().Count());
        Assert.All(Enumerable.Range(0, 16), partition => Assert.StartsWith("1.2~", keys("1.2", partition), StringComparison.Ordinal));
    }
}
