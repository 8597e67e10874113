using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Health;

/// <summary>What the transport's source says decides, not what the instance believes; here the source is a fake that says what it is told to.</summary>
public sealed class SourceTests : IAsyncDisposable
{
    private static readonly ViewCollection<int> Sums = "sums";
    private static CancellationToken Token => TestContext.Current.CancellationToken;
    private readonly FakeTimeProvider _clock = new();
    private readonly FakeTransport _transport = new();
    private readonly IViewStore _store = Stores.New();
    private readonly ServiceProvider _provider;

    public SourceTests() => _provider = NewProvider();

    private IBrookStatus Status => _provider.GetRequiredService<IBrookStatus>();

    [Fact]
    public async Task A_source_that_says_what_is_wrong_is_lost()
    {
        _transport.Looking = () => new(new SourceStatus { Problem = "no broker answers at nowhere:9092" });

        Assert.Equal((BrookState.BrokerLost, "The source does not answer: no broker answers at nowhere:9092. The view stays as it is until it does; look at the broker and the network."), await LookAsync());
    }

    [Fact]
    public async Task A_source_that_throws_is_lost()
    {
        _transport.Looking = () => throw new InvalidOperationException("connection closed.");

        Assert.Equal((BrookState.BrokerLost, "The source does not answer: connection closed. The view stays as it is until it does; look at the broker and the network."), await LookAsync());
    }

    [Fact]
    public async Task A_source_that_does_not_answer_is_lost_after_five_seconds()
    {
        _transport.Looking = () => new(new TaskCompletionSource<SourceStatus>().Task);

        var asking = Status.GetAsync(Token).AsTask();
        await Until.TrueAsync(() => { _clock.Advance(TimeSpan.FromSeconds(1)); return asking.IsCompleted; }, "the answer");

        Assert.StartsWith("The source does not answer: no answer within 5 s.", (await asking).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lane_that_is_read_here_is_behind_what_the_source_has()
    {
        await using var lane = await OpenAsync("s/0", 3);
        Says(new SourceLane("s/0") { End = 10 });

        var status = await Status.GetAsync(Token);

        Assert.Equal((BrookState.Live, 7L), (status.State, status.Behind));
    }

    [Fact]
    public async Task A_lane_that_is_given_nothing_though_the_source_has_more_is_stalled()
    {
        await using var lane = await OpenAsync("s/0", 3);
        Says(new SourceLane("s/0") { End = 10 });
        Assert.Equal(BrookState.Live, (await LookAsync()).State);

        _clock.Advance(TimeSpan.FromSeconds(61));

        Assert.Equal((BrookState.Stalled, "Lane s/0 (7 events wait) has been given nothing for 00:01:01, and this process is the one to read it: restart it, and look at the broker's consumers."), await LookAsync());
        await lane.ProcessAsync(Event("s/0", 3), Token);
        Assert.Equal(BrookState.Live, (await LookAsync()).State);
    }

    [Fact]
    public async Task A_lane_that_is_to_be_read_here_and_is_not_opened_is_starting_and_then_stalled()
    {
        Says(new SourceLane("s/0") { End = 0 });
        Assert.Equal((BrookState.Starting, "Lane s/0 is not open yet."), await LookAsync());

        _clock.Advance(TimeSpan.FromSeconds(61));

        Assert.Equal(BrookState.Stalled, (await LookAsync()).State);
    }

    [Fact]
    public async Task A_process_whose_lanes_others_read_is_well()
    {
        Says(new SourceLane("s/0") { IsHere = false, Waiting = 0 }, new SourceLane("s/1") { IsHere = false, End = 0 });

        Assert.Equal((BrookState.Standby, "Other processes read all 2 lane(s), or nothing has come for them yet. This one is well, and takes over."), await LookAsync());
    }

    [Fact]
    public async Task Lanes_of_others_are_compared_with_the_store_so_that_one_that_nobody_reads_is_stalled()
    {
        await using var others = NewProvider();
        await using var lane = await others.GetRequiredKeyedService<BrookEngine>("").OpenLaneAsync("s/0", LaneGuard.Offsets, Token);
        await lane.ProcessAsync(Event("s/0", 0), Token);
        Says(new SourceLane("s/0") { IsHere = false, End = 10 });
        var first = await Status.GetAsync(Token);
        Assert.Equal((BrookState.Standby, 9L, (long?)null), (first.State, first.Lanes[0].Behind, first.Behind));

        _clock.Advance(TimeSpan.FromSeconds(50));
        await lane.ProcessAsync(Event("s/0", 1), Token);            // the other goes on
        Assert.Equal(BrookState.Standby, (await LookAsync()).State);
        _clock.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(BrookState.Standby, (await LookAsync()).State);

        _clock.Advance(TimeSpan.FromSeconds(50));                   // and now it does not

        Assert.Equal((BrookState.Stalled, "Lane s/0 (8 events wait) has been given nothing for 00:01:40, and no process goes on with it: look at those that should read it."), await LookAsync());
    }

    [Fact]
    public async Task A_store_that_does_not_end_a_commit_stalls_the_lane()
    {
        await using var lane = await OpenAsync("s/0", 1);
        Says(new SourceLane("s/0") { End = 2 });
        var commit = new TaskCompletionSource();
        ((HookedStore)_provider.GetRequiredKeyedService<BrookEngine>("").Store).Committing = _ => commit.Task;
        var work = lane.ProcessAsync(Event("s/0", 1), Token).AsTask();

        await Until.TrueAsync(async () => { _clock.Advance(TimeSpan.FromSeconds(20)); return (await LookAsync()).State == BrookState.Stalled; }, "it is stalled");

        Assert.EndsWith("the store has not ended a call.", (await LookAsync()).Reason, StringComparison.Ordinal);
        commit.SetResult();
        await work;
        Assert.Equal(BrookState.Live, (await LookAsync()).State);
    }

    [Fact]
    public async Task A_lane_that_fails_again_and_again_is_stalled_with_what_it_fails_with()
    {
        await using var lane = await OpenAsync("s/0", 1);
        Says(new SourceLane("s/0") { End = 2 });
        EventEnvelope[] broken = [Event("s/0", 1)[0] with { Type = null! }];            // nothing a handler does: a transport's defect
        for (var i = 0; i < 5; i++)
        {
            await Assert.ThrowsAnyAsync<Exception>(() => lane.ProcessAsync(broken, Token).AsTask());
            await LookAsync();
            _clock.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.Matches(@"^Lane s/0 has not gone on for 00:01:\d\d \(1 events wait\): it fails in a way that no event is to blame for: .*null.*", (await LookAsync()).Reason);
        await lane.ProcessAsync(Event("s/0", 1), Token);
        Assert.Equal(BrookState.Live, (await LookAsync()).State);
    }

    [Fact]
    public async Task More_than_three_lanes_that_are_not_live_are_counted()
    {
        Says([.. Enumerable.Range(0, 5).Select(i => new SourceLane($"s/{i}") { Halted = $"no {i}" })]);

        Assert.Equal((BrookState.Halted, "Lane s/0 stands still until somebody acts: no 0. Lane s/1 stands still until somebody acts: no 1. Lane s/2 stands still until somebody acts: no 2. 2 more lane(s) are not live."), await LookAsync());
    }

    [Fact]
    public async Task An_instance_that_only_sends_asks_its_transport()
    {
        var services = new ServiceCollection();
        BrookBuilder.Register(services, "", brook => brook.SendOnly());
        _transport.Register(services);
        await using var provider = services.BuildServiceProvider();
        _transport.Looking = () => new(new SourceStatus { IsStarted = false });

        Assert.Equal(BrookState.Starting, (await provider.GetRequiredService<IBrookStatus>().GetAsync(Token)).State);
    }

    [Fact]
    public async Task Who_asks_at_the_same_time_shares_one_answer()
    {
        var (asked, answer) = (0, new TaskCompletionSource<SourceStatus>());
        _transport.Looking = () =>
        {
            Interlocked.Increment(ref asked);
            return new(answer.Task);
        };

        var asking = Enumerable.Range(0, 10).Select(_ => Status.GetAsync(Token).AsTask()).ToList();
        answer.SetResult(SourceStatus.Unknown);

        Assert.All(await Task.WhenAll(asking), status => Assert.Equal(BrookState.Live, status.State));
        Assert.Equal(1, asked);
    }

    public ValueTask DisposeAsync() => _provider.DisposeAsync();

    private void Says(params SourceLane[] lanes) => _transport.Looking = () => new(new SourceStatus { Lanes = lanes });

    private async Task<(BrookState State, string Reason)> LookAsync() => await Status.GetAsync(Token) is var status ? (status.State, status.Reason) : default;

    /// <summary>Opens the lane of the instance and applies so many events.</summary>
    private async Task<Lane> OpenAsync(string name, int events)
    {
        var lane = await _provider.GetRequiredKeyedService<BrookEngine>("").OpenLaneAsync(name, LaneGuard.Offsets, Token);
        for (var offset = 0; offset < events; offset++) await lane.ProcessAsync(Event(name, offset), Token);
        return lane;
    }

    private static EventEnvelope[] Event(string lane, long offset) => [EventEnvelope.Read(System.Text.Encoding.UTF8.GetBytes(TestLane.Event("add", 1)), new EventPosition(lane, offset), DateTimeOffset.UnixEpoch)];

    /// <summary>A process; all share the store.</summary>
    private ServiceProvider NewProvider()
    {
        var services = new ServiceCollection();
        services.AddSingleton<TimeProvider>(_clock);
        BrookBuilder.Register(services, "", brook => brook.UseStore(_ => new HookedStore(_store)).On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)));
        _transport.Register(services);
        return services.BuildServiceProvider();
    }
}
