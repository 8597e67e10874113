using Brook.MassTransit;
using Brook.MassTransit.Kafka;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Brook;

/// <summary>Puts an instance's stream on Kafka.</summary>
public static class KafkaBrookBuilderExtensions
{
    /// <summary>
    /// The instance reads topics of Kafka and sends to one, by a rider on the bus; the bus itself may be of any kind. The position in each partition is kept with
    /// the view, in the same commit as the events, and decides where to go on.
    /// </summary>
    /// <param name="brook">The instance's setup, in <c>x.AddBrook(...)</c>.</param>
    /// <param name="bootstrapServers">host:port, several with commas between.</param>
    /// <param name="configure">Topics, group, and what else differs from the defaults.</param>
    /// <exception cref="BrookException">The instance is not on a bus, or the setup is not valid.</exception>
    public static BrookBuilder UseKafka(this BrookBuilder brook, string bootstrapServers, Action<KafkaBuilder> configure)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(bootstrapServers);
        return brook.UseKafka(new ClientConfig { BootstrapServers = bootstrapServers }, configure);
    }

    /// <summary>As the other, with a configuration that the application has: security and all else is passed on as it is.</summary>
    /// <param name="brook">The instance's setup, in <c>x.AddBrook(...)</c>.</param>
    /// <param name="client">What consumers and producers share; copied.</param>
    /// <param name="configure">Topics, group, and what else differs from the defaults.</param>
    /// <exception cref="BrookException">The instance is not on a bus, or the setup is not valid.</exception>
    public static BrookBuilder UseKafka(this BrookBuilder brook, ClientConfig client, Action<KafkaBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(brook);
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(configure);
        var stream = BrookBuilderExtensions.OptionsOf(brook, nameof(UseKafka));
        NativeClient.Resolve();
        var kafka = new KafkaBuilder(client);
        configure(kafka);
        var settings = kafka.Build();
        brook.Services.TryAddSingleton<KafkaRiders>();
        stream.Driver = driving => new KafkaDriver(driving, settings);
        return brook;
    }
}
