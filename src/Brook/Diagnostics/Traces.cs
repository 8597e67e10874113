using System.Diagnostics;
using Brook.Lanes;

namespace Brook;

/// <summary>The spans of this package.</summary>
internal static class Traces
{
    private const int MaxLinks = 64;            // a batch of 500 events may come from as many traces
    private static readonly ActivitySource s_activities = new(Telemetry.Name);

    public static Activity? StartBatch(LaneContext lane, ReadOnlySpan<EventEnvelope> events)
    {
        if (!s_activities.HasListeners()) return null;
        var activity = s_activities.StartActivity($"process {lane.Name}", ActivityKind.Consumer, default(ActivityContext), links: LinksTo(events));
        activity?.SetTag("brook.instance", lane.Engine.DisplayName).SetTag("brook.lane", lane.Name).SetTag("messaging.batch.message_count", events.Length);
        return activity;
    }

    public static Activity? StartHandling(BrookEvent e)
    {
        if (!s_activities.HasListeners()) return null;
        var (batch, hasSender) = (Activity.Current, TryFind(e.Headers, out var sender));
        var links = hasSender && batch is { Source.Name: Telemetry.Name } ? [new ActivityLink(batch.Context)] : (ActivityLink[]?)null;      // else it is the batch's child
        var activity = s_activities.StartActivity($"handle {e.Type}", ActivityKind.Consumer, sender, links: links);
        activity?.SetTag("brook.event.type", e.Type).SetTag("brook.event.id", e.Id.ToString()).SetTag("brook.event.position", e.Position.ToString());
        return activity;
    }

    private static List<ActivityLink> LinksTo(ReadOnlySpan<EventEnvelope> events)
    {
        var links = new List<ActivityLink>();
        string? last = null;                    // events of one call stand side by side
        foreach (ref readonly var e in events)
        {
            if (links.Count == MaxLinks) break;
            if (e.Headers is not { } headers || !headers.TryGetValue(BrookEvent.TraceHeader, out var trace) || trace == last) continue;
            last = trace;
            if (ActivityContext.TryParse(trace, null, isRemote: true, out var sender)) links.Add(new(sender));
        }
        return links;
    }

    private static bool TryFind(IReadOnlyDictionary<string, string> headers, out ActivityContext sender)
    {
        sender = default;
        return headers.TryGetValue(BrookEvent.TraceHeader, out var trace) && ActivityContext.TryParse(trace, null, isRemote: true, out sender);
    }
}
