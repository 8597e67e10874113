using Brook.Redis.Tests.Support;
using Brook.Tests.Shared;
using Microsoft.Extensions.Time.Testing;

namespace Brook.Redis.Tests.Committing;

/// <summary>The script against the reference.</summary>
public sealed class EquivalenceTests(SharedRedis redis)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_commits_leave_the_same_in_redis_as_in_memory(int seed)
    {
        var time = new FakeTimeProvider();
        await using var store = redis.OpenShared(time);
        await StoreEquivalence.HoldsAsync(store, time, seed);
    }
}
