using Brook.Postgres.Tests.Support;
using Brook.Storage;
using Brook.Testing;

namespace Brook.Postgres.Tests;

public sealed class ContractTests(SharedPostgres postgres)
{
    /// <summary>The rule that jsonb is not meant to keep (docs/postgres.md says what it normalises); the two other cases left out look at bytes as well.</summary>
    private const string ByteForByte = "values come back byte for byte";

    public static TheoryData<string> Cases => [.. ViewStoreContract.Cases];

    public static TheoryData<string> JsonbCases => [.. ViewStoreContract.Cases.Where(name => name is not (ByteForByte or "a put stores, a second one replaces value and version" or "a refused commit returns every entry that differs, as it is now"))];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Text_keeps_the_contract(string name) => RunAsync(name, PostgresValues.Text);

    [Theory]
    [MemberData(nameof(JsonbCases))]
    public Task Jsonb_keeps_it_but_for_the_bytes(string name) => RunAsync(name, PostgresValues.Jsonb);

    [Fact]
    public void The_rule_about_bytes_is_in_the_contract() => Assert.Contains(ByteForByte, ViewStoreContract.Cases);

    private Task RunAsync(string name, PostgresValues values)
    {
        _ = postgres.Server;
        return ViewStoreContract.RunAsync(name, time => new ValueTask<IViewStore>(postgres.OpenShared(time, values: values)), cancellationToken: TestContext.Current.CancellationToken);
    }
}
