// Names follow https://opentelemetry.io/docs/specs/semconv/messaging/ where they fit; docs/telemetry.md is the table.
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Brook.Lanes;

namespace Brook;

/// <summary>All instruments of this package: meter and activity source <c>Brook</c>.</summary>
internal static class Telemetry
{
    public const string Name = "Brook";
    private static readonly ActivitySource s_activities = new(Name);
    private static readonly Meter s_meter = new(Name);
    private static readonly Counter<long> s_events = s_meter.CreateCounter<long>("brook.events", "{event}", "Events by outcome: applied, discarded, duplicate, set_aside, unknown; released, set_aside_again.");
    private static readonly Counter<long> s_conflicts = s_meter.CreateCounter<long>("brook.conflicts", "{commit}", "Commits refused because another writer was faster; they are made again.");
    private static readonly Histogram<int> s_batch = s_meter.CreateHistogram<int>("brook.batch.events", "{event}", "Events committed together.");
    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram<double>("brook.batch.duration", "s", "From receiving a batch until it is committed and announced.");

    public static void Processed(string instance, int events, in BatchResult result, TimeSpan took)
    {
        if (s_batch.Enabled) s_batch.Record(events, Instance(instance));
        if (s_duration.Enabled) s_duration.Record(took.TotalSeconds, Instance(instance));
        if (!s_events.Enabled) return;
        Count(result.Applied, "applied");
        Count(result.Discarded, "discarded");
        Count(result.Duplicates, "duplicate");
        Count(result.SetAside, "set_aside");

        void Count(int count, string outcome)
        {
            if (count > 0) s_events.Add(count, Instance(instance), new KeyValuePair<string, object?>("brook.outcome", outcome));
        }
    }

    public static void Unknown(string instance) => s_events.Add(1, Instance(instance), new KeyValuePair<string, object?>("brook.outcome", "unknown"));

    /// <summary>Events that had been set aside.</summary>
    public static void Retried(string instance, int released, int failed)
    {
        if (released > 0) s_events.Add(released, Instance(instance), new KeyValuePair<string, object?>("brook.outcome", "released"));
        if (failed > 0) s_events.Add(failed, Instance(instance), new KeyValuePair<string, object?>("brook.outcome", "set_aside_again"));
    }

    public static void Conflict(string instance) => s_conflicts.Add(1, Instance(instance));

    /// <summary>A span per handled event, child of its sender's; null when nobody listens.</summary>
    public static Activity? StartHandling(BrookEvent e)
    {
        if (!s_activities.HasListeners()) return null;
        ActivityContext parent = default;
        if (e.Headers.TryGetValue(BrookEvent.TraceHeader, out var trace)) ActivityContext.TryParse(trace, null, isRemote: true, out parent);
        var activity = s_activities.StartActivity($"handle {e.Type}", ActivityKind.Consumer, parent);
        activity?.SetTag("brook.event.type", e.Type).SetTag("brook.event.id", e.Id.ToString()).SetTag("brook.event.position", e.Position.ToString());
        return activity;
    }

    private static KeyValuePair<string, object?> Instance(string name) => new("brook.instance", name);
}
