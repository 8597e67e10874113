using System.Diagnostics.Metrics;

namespace Brook.MassTransit;

/// <summary>All instruments of this package, on the meter <c>Brook</c>; docs/telemetry.md is the table.</summary>
internal static class Telemetry
{
    private static readonly Meter s_meter = new("Brook");
    private static readonly Counter<long> s_unreadable = s_meter.CreateCounter<long>("brook.messages.unreadable", "{message}", "Messages that could not be read and were moved to the error queue.");

    public static void Unreadable(string instance) => s_unreadable.Add(1, new KeyValuePair<string, object?>("brook.instance", instance));
}
