// Names follow https://opentelemetry.io/docs/specs/semconv/messaging/ where they fit; docs/telemetry.md is the table.
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Brook.Lanes;

namespace Brook;

/// <summary>All instruments of this package: meter and activity source <c>Brook</c>. One that nobody listens to costs a look at a field.</summary>
internal static class Telemetry
{
    public const string Name = "Brook";

    /// <summary>What event types are called that nobody mapped.</summary>
    public const string OtherTypes = "other";

    private static readonly Meter s_meter = new(Name);
    private static readonly InstrumentAdvice<double> s_seconds = Buckets(0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60);
    private static readonly InstrumentAdvice<double> s_ages = Buckets(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600, 86_400);
    private static readonly Counter<long> s_events = s_meter.CreateCounter<long>("brook.events", "{event}", "Events by type and outcome: applied, discarded, duplicate, set_aside, unknown; released, set_aside_again.");
    private static readonly Counter<long> s_conflicts = s_meter.CreateCounter<long>("brook.conflicts", "{commit}", "Commits refused because another writer was faster; they are made again.");
    private static readonly Histogram<int> s_batch = s_meter.CreateHistogram("brook.batch.events", "{event}", "Events committed together.", null, new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000] });
    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram("brook.batch.duration", "s", "From receiving a batch until it is committed and announced.", null, s_seconds);
    private static readonly Histogram<double> s_handler = s_meter.CreateHistogram("brook.handler.duration", "s", "One call of a handler.", null, s_seconds);
    private static readonly Histogram<double> s_commit = s_meter.CreateHistogram("brook.commit.duration", "s", "From handing a commit to the store to its answer, waiting for a store that is away included.", null, s_seconds);
    private static readonly Histogram<double> s_freshness = s_meter.CreateHistogram("brook.event.freshness", "s", "From an event's own time until it is in the view.", null, s_ages);
    private static readonly StatusGauges s_gauges = new();

    static Telemetry()
    {
        s_meter.CreateObservableGauge("brook.health.status", () => s_gauges.Instances(static status => (long)BrookHealthCheck.StatusOf(status.State), withState: true), null, "0 unhealthy, 1 degraded, 2 healthy, and the state.");
        s_meter.CreateObservableGauge("brook.parked.events", () => s_gauges.Instances(static status => status.Parked), "{event}", "Events that are set aside, as the store has them.");
        s_meter.CreateObservableGauge("brook.outbox.events", () => s_gauges.Instances(static status => status.InOutbox), "{event}", "Events that handlers of this process have sent and the transport does not have yet.");
        s_meter.CreateObservableGauge("brook.lane.behind", () => s_gauges.Lanes<long>(static lane => lane.Behind), "{event}", "What the source still has for the view; messages on RabbitMQ.");
        s_meter.CreateObservableGauge("brook.lane.oldest.age", () => s_gauges.Lanes<double>(static lane => lane.OldestAge?.TotalSeconds ?? (lane.Behind == 0 ? 0 : null)), "s", "Age of the oldest event that is not in the view, by when it was sent.");
    }

    /// <summary>The instance's gauges are given from now on, until what is returned is disposed of.</summary>
    public static IDisposable Watch(StatusReader status) => s_gauges.Add(status);

    public static void Processed(LaneContext lane, in BatchResult result, TimeSpan took)
    {
        var instance = Instance(lane.Engine.DisplayName);
        if (s_batch.Enabled) s_batch.Record(lane.Batch.Count, instance);
        if (s_duration.Enabled) s_duration.Record(took.TotalSeconds, instance);
        if (result.Outcome != BatchOutcome.Committed) return;
        if (s_events.Enabled) lane.Counts.Count(lane.Batch, instance, static (instance, type, outcome, count) => s_events.Add(count, instance, Type(type), Outcome(outcome)));
        if (s_freshness.Enabled) Freshness(lane.Batch, lane.Time.GetUtcNow(), instance);
    }

    public static void Unknown(string instance) => s_events.Add(1, Instance(instance), Type(OtherTypes), Outcome("unknown"));

    /// <summary>Events that had been set aside.</summary>
    public static void Retried(string instance, int released, int failed)
    {
        if (released > 0) s_events.Add(released, Instance(instance), new KeyValuePair<string, object?>("brook.outcome", "released"));
        if (failed > 0) s_events.Add(failed, Instance(instance), new KeyValuePair<string, object?>("brook.outcome", "set_aside_again"));
    }

    public static void Conflict(string instance) => s_conflicts.Add(1, Instance(instance));

    /// <summary>0: nobody wants to know.</summary>
    public static long HandlerBegins() => s_handler.Enabled ? Stopwatch.GetTimestamp() : 0;

    public static void Handled(LaneContext lane, EventType type, string handler, long began, Exception? error)
    {
        if (began == 0) return;
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (error is null) s_handler.Record(took, Instance(lane.Engine.DisplayName), Type(type.Tag), new("brook.handler", handler));
        else s_handler.Record(took, new TagList { Instance(lane.Engine.DisplayName), Type(type.Tag), new("brook.handler", handler), new("error.type", error.GetType().FullName) });
    }

    /// <summary>0: nobody wants to know.</summary>
    public static long CommitBegins() => s_commit.Enabled ? Stopwatch.GetTimestamp() : 0;

    public static void Committed(string instance, long began, bool landed)
    {
        if (began != 0) s_commit.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, Instance(instance), Outcome(landed ? "committed" : "conflict"));
    }

    private static void Freshness(Batch batch, DateTimeOffset now, KeyValuePair<string, object?> instance)
    {
        foreach (ref readonly var item in batch.Items)
            if (item is { Outcome: Lanes.Outcome.Pending, Event: { } e }) s_freshness.Record(Math.Max(0, (now - e.CreatedAt).TotalSeconds), instance);
    }

    private static KeyValuePair<string, object?> Instance(string name) => new("brook.instance", name);

    private static KeyValuePair<string, object?> Type(string type) => new("brook.event.type", type);

    private static KeyValuePair<string, object?> Outcome(string outcome) => new("brook.outcome", outcome);

    private static InstrumentAdvice<double> Buckets(params double[] boundaries) => new() { HistogramBucketBoundaries = boundaries };
}
