using Brook.Lanes;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Change;

namespace Brook.Tests.Announcing;

/// <summary>Other nodes hear of applied events once, and keep nothing of what their handlers make of them.</summary>
public sealed class ForwardingTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task Failed_events_and_duplicates_are_not_forwarded()
    {
        var transport = new FakeTransport { ForwardsToOtherNodes = true };
        await using var lane = await OpenAsync(transport, new());
        var message = Guid.CreateVersion7();
        for (var i = 0; i < 2; i++) await lane.ProcessMessageAsync(message, TestLane.Event("add", 1), TestLane.Event("fail", 2));
        Assert.Equal(["add"], transport.Forwarded.Select(e => e.Type));
    }

    [Fact]
    public async Task A_transport_that_cannot_forward_is_logged_and_fails_nothing()
    {
        var (transport, logs) = (new FakeTransport { ForwardsToOtherNodes = true, Forwarding = () => throw new InvalidOperationException("no") }, new FakeLoggerProvider());
        await using var lane = await OpenAsync(transport, logs);
        Assert.Equal(1, (await lane.ProcessMessageAsync(Guid.CreateVersion7(), TestLane.Event("add", 1))).Applied);
        Assert.Equal((8, LogLevel.Warning), (logs.Collector.LatestRecord.Id.Id, logs.Collector.LatestRecord.Level));
    }

    [Fact]
    public async Task A_handler_that_fails_on_a_forwarded_event_is_logged_once_not_tried_again_and_nothing_is_parked()
    {
        var logs = new FakeLoggerProvider();
        await using var lane = await OpenAsync(new(), logs);
        await lane.Engine.ObserveAsync(TestLane.Message("other/0", Guid.CreateVersion7(), TestLane.Event("fail", 1), "no JSON", TestLane.Event("add", 5)), TestContext.Current.CancellationToken);
        Assert.Equal([9, 9], logs.Collector.GetSnapshot().Select(record => record.Id.Id));
        Assert.Equal((null, 0), (await lane.StoredAsync("sums", "a"), await lane.Parked.CountAsync(TestContext.Current.CancellationToken)));
    }

    private static Task<TestLane> OpenAsync(FakeTransport transport, FakeLoggerProvider logs) => TestLane.OpenAsync(brook => brook
        .On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data))
        .On<int>("fail", e => throw new InvalidOperationException("no")), LaneGuard.MessageIds, services: services =>
    {
        transport.Register(services);
        services.AddLogging(logging => logging.AddProvider(logs));
    });
}
