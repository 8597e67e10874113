using Brook.MassTransit.Testing;
using MassTransit;

namespace Brook.MassTransit.Tests;

public sealed class TransportContractTests
{
    private static readonly TransportFeatures s_features = new();

    public static TheoryData<string> Cases => [.. TransportContract.CasesOf(s_features)];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task The_in_memory_transport_keeps_the_contract(string name)
        => TransportContract.RunAsync(name, new TransportUnderTest(s_features, x => x.UsingInMemory((context, cfg) => cfg.ConfigureEndpoints(context))), TestContext.Current.CancellationToken);
}
