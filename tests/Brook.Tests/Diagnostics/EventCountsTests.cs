using System.Diagnostics.Metrics;
using Brook.Lanes;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.Tests.Diagnostics;

/// <summary>What metrics cost those who listen.</summary>
public sealed class EventCountsTests
{
    [Fact]
    public void A_batch_is_counted_by_type_and_outcome_without_allocating()
    {
        var types = Enumerable.Range(0, 3).Select(i => (EventType)new EventType<int>($"t{i}", null, [], 0)).Append(new EventType<int>("nobody:knows", null, [], 0) { Unmapped = true }).ToArray();
        var batch = new Batch();
        batch.Start(new EventEnvelope[400], default);
        for (var i = 0; i < 400; i++) (batch[i].Type, batch[i].Wrote) = (types[i % 4], i % 8 < 4);
        var (counts, seen) = (new EventCounts(), new List<(string, string, int)>(16));
        Action<List<(string, string, int)>, string, string, int> add = static (seen, type, outcome, count) => seen.Add((type, outcome, count));

        counts.Count(batch, seen, add);

        Assert.Equal([("other", "applied", 50), ("other", "discarded", 50), ("t0", "applied", 50), ("t0", "discarded", 50), ("t1", "applied", 50), ("t1", "discarded", 50), ("t2", "applied", 50), ("t2", "discarded", 50)], seen.Order());
        seen.Clear();
        var before = GC.GetAllocatedBytesForCurrentThread();
        counts.Count(batch, seen, add);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Freshness_handlers_and_commits_are_timed_for_those_who_listen()
    {
        var measured = new List<(string Name, double Value)>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, meters) => { if (instrument is { Meter.Name: "Brook", Unit: "s" } and not ObservableInstrument<double>) meters.EnableMeasurementEvents(instrument); } };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            if (Equals(tags[0].Value, "timed")) lock (measured) measured.Add((instrument.Name, value));
        });
        listener.Start();
        var services = new ServiceCollection();
        BrookBuilder.Register(services, "timed", brook => brook.On<int>("add", e => Merge<int>("sums", "a", sum => sum + e.Data)));
        await using var provider = services.BuildServiceProvider();
        await using var lane = await provider.GetRequiredKeyedService<BrookEngine>("timed").OpenLaneAsync("timed/0", LaneGuard.MessageIds, TestContext.Current.CancellationToken);

        await lane.ProcessAsync(TestLane.Message("timed/0", Guid.CreateVersion7(), TestLane.Event("add", 1, createTs: DateTimeOffset.UtcNow.AddSeconds(-30).ToUnixTimeMilliseconds()), TestLane.Event("add", 2)), TestContext.Current.CancellationToken);

        Assert.Equal(2, measured.Count(one => one.Name == "brook.handler.duration"));
        Assert.Equal(1, measured.Count(one => one.Name == "brook.commit.duration"));
        var freshness = measured.Where(one => one.Name == "brook.event.freshness").Select(one => one.Value).ToList();
        Assert.Equal(2, freshness.Count);
        Assert.InRange(freshness[0], 30, 300);
        Assert.True(freshness[1] > TimeSpan.FromDays(365).TotalSeconds);        // an event of 2020
    }
}
