using Confluent.Kafka;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Kafka.Tests.Configuration;

public sealed class SettingsTests
{
    [Fact]
    public void The_native_client_is_the_packages_own()
    {
        NativeClient.Resolve();
        Assert.StartsWith("2.16", Library.VersionString, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_of_the_setup_come_all_together()
    {
        var error = Assert.Throws<BrookException>(() => Add(kafka => kafka.Topic("or ders").Topic("or ders").Group(" ")
            .Consumer(consumer => (consumer.GroupId, consumer.EnableAutoCommit) = ("mine", true)).Producer(producer => producer.Acks = Acks.None)));

        Assert.Equal("""
            The Kafka setup is not valid:
              - The topic name 'or ders' is none that Kafka takes: 1 to 249 letters, digits, '-', '_' and '.'.
              - Topic 'or ders' was added twice.
              - The group's name is empty.
              - The consumer's group.id is 'mine', and Brook sets it: where to read on is kept with the view. Leave it out and name the group with kafka.Group(...).
              - The consumer's enable.auto.commit is 'True', and Brook sets it: where to read on is kept with the view. Leave it out.
              - The producer's acks is '0', and Brook sets it: order and once rest on it. Leave it out.
            """, error.Message.ReplaceLineEndings());
    }

    [Fact]
    public void A_setup_without_a_topic_is_refused()
        => Assert.Contains("There is no topic. Add one: kafka.Topic(\"orders\").", Assert.Throws<BrookException>(() => Add(_ => { })).Message, StringComparison.Ordinal);

    [Fact]
    public void Security_settings_are_passed_on_as_they_are()
    {
        var builder = new KafkaBuilder(new ClientConfig { BootstrapServers = "broker:9093", SecurityProtocol = SecurityProtocol.SaslSsl, SaslMechanism = SaslMechanism.Plain, SaslUsername = "u", SaslPassword = "p" });

        var settings = builder.Topic("orders").Group("view").Build();

        foreach (var config in new ClientConfig[] { settings.ReaderConfig(null), settings.SenderConfig(), settings.ForwardConfig("node") })
            Assert.Equal((SecurityProtocol.SaslSsl, SaslMechanism.Plain, "u", "p"), (config.SecurityProtocol, config.SaslMechanism, config.SaslUsername, config.SaslPassword));
    }

    [Fact]
    public void An_instance_without_a_bus_is_told_where_to_go()
        => Assert.Equal("UseKafka() needs a bus, and Brook instance 'brook' has none. Add the instance with x.AddBrook(...) in AddMassTransit.",
            Assert.Throws<BrookException>(() => new ServiceCollection().AddBrookInProcess(brook => brook.UseKafka("broker:9092", kafka => kafka.Topic("orders")))).Message);

    private static void Add(Action<KafkaBuilder> kafka) => new ServiceCollection().AddMassTransit(x => x.AddBrook(brook => brook.UseKafka("broker:9092", kafka)));
}
