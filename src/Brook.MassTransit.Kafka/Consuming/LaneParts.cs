using Brook.Lanes;
using MassTransit;
using MassTransit.Transports;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.Kafka;

/// <summary>What the lanes of one reader share.</summary>
/// <param name="Instance">The instance's name.</param>
/// <param name="Settings">The setup.</param>
/// <param name="Engine">The instance's engine.</param>
/// <param name="Watch">Knows whether the broker is there.</param>
/// <param name="Time">For pauses.</param>
/// <param name="Logger">Of this package.</param>
internal sealed record LaneParts(string Instance, KafkaSettings Settings, BrookEngine Engine, BrokerWatch Watch, TimeProvider Time, ILogger Logger)
{
    /// <summary>For what waits.</summary>
    public Room Room { get; } = new();

    /// <summary>How a topic's records are read.</summary>
    public RecordFormat FormatOf(string topic) => Settings.FormatOf(topic, Urns, Engine.Options.ReceiveLimit);

    /// <summary>Of the types that MassTransit takes for messages: numbers and structs are none, and have no urn.</summary>
    private Dictionary<string, string> Urns { get; } = Engine.Types.Mapped.Where(type => type.Data is { IsValueType: false, IsArray: false, Namespace: not null }).GroupBy(type => MessageUrn.ForTypeString(type.Data)).ToDictionary(types => types.Key, types => types.First().Name);

    /// <summary>MassTransit's endpoint, whose observers hear of each batch.</summary>
    public ReceiveEndpointContext? Endpoint { get; set; }
}
