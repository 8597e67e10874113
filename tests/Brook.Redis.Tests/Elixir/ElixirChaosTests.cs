using Brook.Redis.Tests.Support;
using Brook.Tests.PropertyTests;

namespace Brook.Redis.Tests.Elixir;

/// <summary>The engine under chaos, over Elixir's layout. BROOK_FUZZ_TRIALS sets the number of trials.</summary>
public sealed class ElixirChaosTests(SharedRedis redis, ITestOutputHelper output)
{
    [Fact]
    public async Task The_view_is_the_clean_fold_of_the_events_whatever_happens()
    {
        _ = redis.Server;
        output.WriteLine((await ChaosTests.Engine().Over(time => redis.OpenElixir(time)).RunAsync(ChaosTests.Trials(30), seed: 1, TestContext.Current.CancellationToken)).ToString());
    }
}
