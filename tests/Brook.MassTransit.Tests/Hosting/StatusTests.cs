using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Hosting;

/// <summary>What an instance on a bus in memory says of itself: its backlog is the source.</summary>
public sealed class StatusTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_lane_is_behind_by_what_its_queue_has_and_what_is_at_work()
    {
        var (entered, ends) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var harness = await BrookTestHarness.StartAsync(brook => brook.Stream("s", 4).On<int>("wait", e =>
        {
            entered.TrySetResult();
            ends.Task.Wait(CancellationToken.None);
            return Discard;
        }), cancellationToken: Token);
        var (key, partition) = ("a", Partitioning.Of("a", 4));
        await harness.Brook.SendAsync("wait", 0, key, Token);
        await entered.Task.WithDeadline();
        for (var i = 0; i < 10; i++) await harness.Brook.SendAsync("wait", i, key, Token);

        var status = await StatusOf(harness);

        Assert.Equal((BrookState.Live, 11L), (status.State, status.Behind));
        Assert.Equal([.. Enumerable.Range(0, 4).Select(lane => ($"s/{lane}", lane == partition ? 11L : 0L))], status.Lanes.Select(lane => (lane.Name, lane.Behind!.Value)));
        ends.SetResult();
        await harness.WhenIdleAsync(Token);
        Assert.Equal(0, (await StatusOf(harness)).Behind);
    }

    [Fact]
    public async Task A_lane_that_stands_still_is_halted_with_its_reason()
    {
        await using var harness = await BrookTestHarness.StartAsync(brook =>
        {
            brook.AddHandler<OrderHandler>();
            brook.Options.UnknownEvents = UnknownEventPolicy.Fail;
        }, cancellationToken: Token);

        await harness.Brook.SendAsync("nobody:knows", 1, cancellationToken: Token);

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        BrookStatus status;
        while ((status = await StatusOf(harness)).State != BrookState.Halted) deadline.Token.ThrowIfCancellationRequested();
        Assert.Matches(@"^Lane brook/0 stands still until somebody acts \(1 events wait\): .*nobody:knows", status.Reason);
    }

    [Fact]
    public async Task Two_instances_have_a_check_each()
    {
        await using var harness = await BrookTestHarness.StartAsync(brook => brook.AddHandler<OrderHandler>(), x => x.AddBrook("orders", brook => brook.AddHandler<OrderHandler>()), services => services.AddLogging().AddHealthChecks(), Token);

        var report = await harness.Services.GetRequiredService<Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckService>().CheckHealthAsync(check => check.Tags.Contains("brook"), Token);

        Assert.Equal(["brook", "brook-orders"], report.Entries.Keys.Order());
        Assert.All(report.Entries.Values, entry => Assert.Equal(("1 of 1 lane(s) are live here.", "live"), (entry.Description, entry.Data["state"])));
    }

    private static async Task<BrookStatus> StatusOf(BrookTestHarness harness) => await harness.Services.GetRequiredService<IBrookStatus>().GetAsync(Token);
}
