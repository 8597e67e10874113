using Brook.Sqlite.Tests.Support;
using Brook.Storage;
using Brook.Testing;

namespace Brook.Sqlite.Tests;

public sealed class ContractTests(Files files)
{
    public static TheoryData<string> Cases => [.. ViewStoreContract.Cases];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task A_durable_file_keeps_the_contract(string name) => RunAsync(name, SqliteDurability.Durable);

    [Theory]
    [MemberData(nameof(Cases))]
    public Task A_fast_file_keeps_the_contract(string name) => RunAsync(name, SqliteDurability.Fast);

    private Task RunAsync(string name, SqliteDurability durability)
        => ViewStoreContract.RunAsync(name, time => new ValueTask<IViewStore>(files.Open(time, durability: durability)), cancellationToken: TestContext.Current.CancellationToken);
}
