using Brook.Storage;
using Brook.Testing;

namespace Brook.Tests.Storage;

public sealed class InMemoryViewStoreTests
{
    public static TheoryData<string> Cases => [.. ViewStoreContract.Cases];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Keeps_the_contract(string name)
        => ViewStoreContract.RunAsync(name, time => new(new InMemoryViewStore(time)), cancellationToken: TestContext.Current.CancellationToken);

    public static TheoryData<string> ExpiryCases => [.. ViewStoreContract.Cases.Where(name => name.Contains("expire", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(ExpiryCases))]
    public Task Keeps_the_contract_on_the_systems_clock(string name)
        => ViewStoreContract.RunAsync(name, time => new(new InMemoryViewStore(time)), new ViewStoreFeatures { FakeClock = false }, TestContext.Current.CancellationToken);
}
