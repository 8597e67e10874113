using System.Diagnostics;
using System.Diagnostics.Metrics;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Change;

namespace Brook.Tests.Diagnostics;

/// <summary>What operators see.</summary>
public sealed class TelemetryTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task Events_are_counted_by_outcome_and_batches_by_size()
    {
        var (counted, sizes) = (new Dictionary<string, long>(), new List<int>());
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, meters) => { if (instrument.Meter.Name == "Brook") meters.EnableMeasurementEvents(instrument); };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var all = tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value);
            if (instrument.Name != "brook.events" || !Equals(all["brook.instance"], "telemetry")) return;
            lock (counted) counted[(string)all["brook.outcome"]!] = counted.GetValueOrDefault((string)all["brook.outcome"]!) + value;
        });
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => { lock (sizes) if (Equals(tags[0].Value, "telemetry")) sizes.Add(value); });
        listener.Start();
        await using var provider = Named();
        await using var lane = await provider.GetRequiredKeyedService<Brook.Lanes.BrookEngine>("telemetry").OpenLaneAsync("telemetry/0", Brook.Lanes.LaneGuard.MessageIds, TestContext.Current.CancellationToken);
        var message = TestLane.Message("telemetry/0", Guid.CreateVersion7(), TestLane.Event("add", 1), TestLane.Event("fail", 1), TestLane.Event("none", 1), TestLane.Event("unknown", 1));
        for (var i = 0; i < 2; i++) await lane.ProcessAsync(message, TestContext.Current.CancellationToken);

        Assert.Equal([new("applied", 1), new("discarded", 2), new("duplicate", 4), new("set_aside", 1), new("unknown", 2)], counted.OrderBy(entry => entry.Key, StringComparer.Ordinal));
        Assert.Equal([4, 4], sizes);
    }

    [Fact]
    public async Task A_handled_event_is_a_span_under_its_senders()
    {
        var spans = new List<Activity>();
        var trace = ActivityTraceId.CreateRandom();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Brook", Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => { lock (spans) if (activity.TraceId == trace) spans.Add(activity); },
        };
        ActivitySource.AddActivityListener(listener);
        await using var lane = await TestLane.OpenAsync(Configure);
        var sender = ActivitySpanId.CreateRandom();
        await lane.ProcessAsync(TestLane.Event("add", 1).Replace("\"data\"", $"\"headers\":{{\"traceparent\":\"00-{trace}-{sender}-01\"}},\"data\"", StringComparison.Ordinal));

        var span = Assert.Single(spans);
        Assert.Equal(("handle add", ActivityKind.Consumer, sender, "test/0@0"), (span.DisplayName, span.Kind, span.ParentSpanId, span.GetTagItem("brook.event.position")));
    }

    [Fact]
    public async Task Log_texts_hold_no_payload_and_no_key()
    {
        var logs = new FakeLoggerProvider();
        await using var lane = await TestLane.OpenAsync(Configure, services: services => services.AddLogging(logging => logging.AddProvider(logs)));
        await lane.ProcessAsync(TestLane.Event("fail", 424242, "secret-key"), TestLane.Event("unknown", "secret-text"), """{"type":"add","key":"secret-key2","data":"secret-text"}""");
        var texts = logs.Collector.GetSnapshot().Select(record => record.Message).ToList();
        Assert.Equal(5, texts.Count);           // two attempts, the unknown type, two set aside
        Assert.All(texts, text => Assert.DoesNotContain("secret", text, StringComparison.Ordinal));
        Assert.All(texts, text => Assert.DoesNotContain("424242", text, StringComparison.Ordinal));
    }

    private static void Configure(BrookBuilder brook)
    {
        brook.Options.RetryDelay = TimeSpan.Zero;
        brook.On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<int>("fail", e => throw new InvalidOperationException("no")).On<int>("none", e => Discard);
    }

    private static ServiceProvider Named()
    {
        var services = new ServiceCollection();
        BrookBuilder.Register(services, "telemetry", Configure);
        return services.BuildServiceProvider();
    }
}
