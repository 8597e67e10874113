using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Brook.MassTransit;

/// <summary>All instruments of this package, on the meter <c>Brook</c>; docs/telemetry.md is the table.</summary>
internal static class Telemetry
{
    private static readonly Meter s_meter = new("Brook");
    private static readonly ActivitySource s_activities = new("Brook");
    private static readonly Counter<long> s_unreadable = s_meter.CreateCounter<long>("brook.messages.unreadable", "{message}", "Messages that could not be read and were moved to the error queue.");

    /// <summary>A span per message sent, under the first of its callers', whoever sends it: MassTransit's own is its child. Null when nobody listens.</summary>
    public static Activity? StartSend(string instance, string lane, string? sender, int events)
    {
        if (!s_activities.HasListeners()) return null;
        ActivityContext.TryParse(sender, null, out var parent);
        var activity = s_activities.StartActivity($"send {lane}", ActivityKind.Producer, parent);
        return activity?.SetTag("brook.instance", instance).SetTag("brook.lane", lane).SetTag("messaging.batch.message_count", events);
    }

    public static void Unreadable(string instance) => s_unreadable.Add(1, new KeyValuePair<string, object?>("brook.instance", instance));
}
