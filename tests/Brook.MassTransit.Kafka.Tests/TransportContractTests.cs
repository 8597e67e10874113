using Brook.KafkaServers;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.MassTransit.Testing;
using MassTransit;

namespace Brook.MassTransit.Kafka.Tests;

public sealed class TransportContractTests
{
    private static readonly TransportFeatures s_features = new() { ManyNodes = true }, s_all = s_features with { Restart = true };

    public static TheoryData<string> Cases => [.. TransportContract.CasesOf(s_all)];

    public static TheoryData<string, Rebalancing> NodeCases
    {
        get
        {
            var data = new TheoryData<string, Rebalancing>();
            foreach (var name in TransportContract.CasesOf(s_features).Except(TransportContract.CasesOf(new TransportFeatures())))
                foreach (var rebalancing in new[] { Rebalancing.Cooperative, Rebalancing.Eager }) data.Add(name, rebalancing);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Kafka_keeps_the_contract(string name) => RunAsync(name, Rebalancing.Broker);

    [Theory]
    [MemberData(nameof(NodeCases))]
    public Task Kafka_keeps_the_contract_however_partitions_are_shared_out(string name, Rebalancing rebalancing) => RunAsync(name, rebalancing);

    private static async Task RunAsync(string name, Rebalancing rebalancing)
    {
        using var cluster = new MockKafkaCluster();
        cluster.CreateTopic("stream", 4);
        await TransportContract.RunAsync(name, new TransportUnderTest(s_all, x => x.UsingInMemory())
        {
            ConfigureStream = brook => brook.UseKafka(cluster.BootstrapServers, kafka => kafka.Topic("stream").Group($"{brook.Name}-view").Fast(rebalancing)),
            RestartAsync = async token =>
            {
                cluster.BrokerDown(1);
                await Task.Delay(500, token);
                cluster.BrokerUp(1);
            },
        }, TestContext.Current.CancellationToken);
    }
}
