using Brook.Redis.Tests.Support;
using Brook.Storage;
using Brook.Testing;

namespace Brook.Redis.Tests;

public sealed class ContractTests(SharedRedis redis, SharedGarnet garnet)
{
    public static TheoryData<string> Cases => [.. ViewStoreContract.Cases];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Redis_keeps_the_contract(string name)
    {
        _ = redis.Server;
        return ViewStoreContract.RunAsync(name, time => new ValueTask<IViewStore>(redis.Open(time)), cancellationToken: TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Garnet_keeps_the_contract(string name) => ViewStoreContract.RunAsync(name,
        time => new ValueTask<IViewStore>(new RedisViewStore(garnet.ConnectionString, new RedisStoreOptions { Namespace = SharedRedis.NewNamespace() }, time)), cancellationToken: TestContext.Current.CancellationToken);
}
