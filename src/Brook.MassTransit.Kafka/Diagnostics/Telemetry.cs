using System.Diagnostics.Metrics;

namespace Brook.MassTransit.Kafka;

/// <summary>All instruments of this package, on the meter <c>Brook</c>; docs/telemetry.md is the table.</summary>
internal static class Telemetry
{
    private static readonly Meter s_meter = new("Brook");
    private static readonly Counter<long> s_tombstones = s_meter.CreateCounter<long>("brook.kafka.tombstones", "{record}", "Records without a value that were passed over.");

    public static void Tombstone(string instance) => s_tombstones.Add(1, new KeyValuePair<string, object?>("brook.instance", instance));
}
