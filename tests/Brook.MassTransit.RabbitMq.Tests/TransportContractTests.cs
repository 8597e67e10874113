using Brook.MassTransit.RabbitMq.Tests.Support;
using Brook.MassTransit.Testing;
using Brook.TestServers;
using MassTransit;

namespace Brook.MassTransit.RabbitMq.Tests;

public sealed class TransportContractTests(Broker broker)
{
    private static readonly TransportFeatures s_features = new() { ManyNodes = true }, s_all = s_features with { Restart = true };

    public static TheoryData<string> Cases => [.. TransportContract.CasesOf(s_features)];

    public static TheoryData<string> RestartCases => [.. TransportContract.CasesOf(s_all).Except(TransportContract.CasesOf(s_features))];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task RabbitMQ_keeps_the_contract(string name)
    {
        var host = await broker.NewHostAsync();
        await TransportContract.RunAsync(name, new TransportUnderTest(s_features, x => UseRabbitMq(x, host)), TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(RestartCases))]
    public async Task RabbitMQ_keeps_the_contract_over_a_restart(string name)
    {
        _ = broker.Server;
        await using var own = await RabbitMqServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await TransportContract.RunAsync(name, new TransportUnderTest(s_all, x => UseRabbitMq(x, own.Uri)) { RestartAsync = own.RestartAsync }, TestContext.Current.CancellationToken);
    }

    private static void UseRabbitMq(IBusRegistrationConfigurator bus, Uri host) => bus.UsingRabbitMq((context, cfg) =>
    {
        cfg.Host(host);
        cfg.ConfigureEndpoints(context);
    });
}
