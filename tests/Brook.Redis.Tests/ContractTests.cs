using Brook.Redis.Tests.Support;
using Brook.Storage;
using Brook.Testing;

namespace Brook.Redis.Tests;

public sealed class ContractTests(SharedRedis redis)
{
    public static TheoryData<string> Cases => [.. ViewStoreContract.Cases];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Redis_keeps_the_contract(string name)
    {
        _ = redis.Server;
        return ViewStoreContract.RunAsync(name, time => new ValueTask<IViewStore>(redis.Open(time)), cancellationToken: TestContext.Current.CancellationToken);
    }
}
