using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Health;

/// <summary>What an instance says of itself, in process: the store, the handlers and the backlog are real.</summary>
public sealed class StatusTests
{
    private static readonly ViewCollection<int> Sums = "sums";
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_starting_before_the_host_has_started()
    {
        await using var instance = new Instance();

        var status = await instance.Status.GetAsync(Token);

        Assert.Equal((BrookState.Starting, "The transport has not started, or is stopping: nothing is read and sends wait. Lane brook/0 is not open yet."), (status.State, status.Reason));
    }

    [Fact]
    public async Task It_is_live_when_nothing_waits_and_the_store_answers()
    {
        await using var instance = await new Instance().StartAsync();
        await instance.AppliedAsync(1);

        var status = await instance.Status.GetAsync(Token);

        Assert.Equal(("brook", BrookState.Live, 0L, 0L, 0L, "1 of 1 lane(s) are live here."), (status.Instance, status.State, status.Behind, status.Parked, status.InOutbox, status.Reason));
        var lane = Assert.Single(status.Lanes);
        Assert.Equal(("brook/0", BrookState.Live, true, 0L, TimeSpan.Zero), (lane.Name, lane.State, lane.IsHere, lane.Behind, lane.WithoutProgress));
    }

    [Fact]
    public async Task A_synchronous_handler_that_hangs_stalls_its_lane_until_it_ends()
    {
        using var ends = new ManualResetEventSlim();
        var clock = new FakeTimeProvider();
        await using var instance = await new Instance(brook => brook.On<int>("hang", e => { ends.Wait(Token); return Discard; }), clock).StartAsync();
        await instance.Brook.SendAsync("hang", 1, cancellationToken: Token);

        var status = await instance.UntilAsync(BrookState.Stalled, () => clock.Advance(TimeSpan.FromSeconds(5)));

        Assert.Matches(@"^Lane brook/0 has not gone on for 00:01:\d\d \(1 events wait\): a handler of 'hang' has not ended\. A synchronous one cannot be given up: look at what it waits for\.", status.Reason);
        Assert.True(status.Lanes[0].WithoutProgress > TimeSpan.FromMinutes(1) && status.OldestAge > TimeSpan.FromMinutes(1));
        ends.Set();
        await instance.UntilAsync(BrookState.Live, () => clock.Advance(TimeSpan.FromSeconds(1)));
        await Until.TrueAsync(() => { clock.Advance(TimeSpan.FromSeconds(1)); return instance.Logs.GetSnapshot().Any(log => log.Id.Name == "LaneGoesOn"); }, "it is said that the lane goes on");
        Assert.Single(instance.Logs.GetSnapshot(), log => log.Id.Name == "LaneStalled");
    }

    [Fact]
    public async Task A_slow_batch_that_goes_on_is_not_stalled()
    {
        var clock = new FakeTimeProvider();
        var handled = 0;
        await using var instance = await new Instance(brook => brook.On<int>("slow", e =>
        {
            clock.Advance(TimeSpan.FromSeconds(40));         // 20 of them are more than 13 minutes
            Interlocked.Increment(ref handled);
            return Discard;
        }), clock).StartAsync();

        await instance.Brook.SendManyAsync(Enumerable.Range(0, 20).Select(i => new BrookEvent<int>("slow", i)), Token);
        await Until.TrueAsync(() => Volatile.Read(ref handled) == 20, "all are handled");

        Assert.DoesNotContain(instance.Logs.GetSnapshot(), log => log.Id.Name == "LaneStalled");
    }

    [Fact]
    public async Task A_store_that_is_away_is_lost_even_when_nobody_sends_and_live_when_it_is_back()
    {
        var store = new HookedStore();
        await using var instance = await new Instance(brook => brook.UseStore(_ => store)).StartAsync();
        await instance.UntilAsync(BrookState.Live);

        store.Reading = _ => throw HookedStore.Away();
        var status = await instance.Status.GetAsync(Token);

        Assert.Equal(BrookState.StoreLost, status.State);
        Assert.StartsWith("The store does not answer: the store is away. Lanes wait for it and lose nothing; look at the server, the network and this user's rights.", status.Reason, StringComparison.Ordinal);
        Assert.Null(status.Parked);
        store.Reading = _ => Task.CompletedTask;
        Assert.Equal(BrookState.Live, (await instance.Status.GetAsync(Token)).State);
    }

    [Fact]
    public async Task A_store_that_refuses_commits_is_lost_though_it_answers_reads()
    {
        var store = new HookedStore();
        await using var instance = await new Instance(brook => brook.UseStore(_ => store)).StartAsync();
        await instance.AppliedAsync(1);
        store.Committing = _ => throw new BrookException("the disk is full");

        await instance.Brook.SendAsync("add", 1, cancellationToken: Token);

        Assert.StartsWith("Lane brook/0 waits for the store (1 events wait): the disk is full.", (await instance.UntilAsync(BrookState.StoreLost)).Reason, StringComparison.Ordinal);
        store.Committing = _ => Task.CompletedTask;
        await instance.UntilAsync(BrookState.Live);
    }

    [Fact]
    public async Task A_store_that_does_not_answer_at_all_is_lost_after_five_seconds()
    {
        var store = new HookedStore();
        var clock = new FakeTimeProvider();
        await using var instance = await new Instance(brook => brook.UseStore(_ => store), clock).StartAsync();
        await instance.UntilAsync(BrookState.Live);
        store.Reading = _ => new TaskCompletionSource().Task;

        var asking = instance.Status.GetAsync(Token).AsTask();
        await Until.TrueAsync(() => { clock.Advance(TimeSpan.FromSeconds(1)); return asking.IsCompleted; }, "the answer");

        Assert.StartsWith("The store does not answer: no answer within 5 s.", (await asking).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lane_that_stands_still_is_halted_with_its_reason()
    {
        await using var instance = await new Instance(brook => brook.Options.UnknownEvents = UnknownEventPolicy.Fail).StartAsync();

        await instance.Brook.SendAsync("nobody:knows", 1, cancellationToken: Token);

        Assert.Matches(@"^Lane brook/0 stands still until somebody acts \(1 events wait\): .*nobody:knows.*", (await instance.UntilAsync(BrookState.Halted)).Reason);
    }

    [Fact]
    public async Task More_events_set_aside_than_are_tolerated_are_a_state_of_their_own()
    {
        await using var instance = await new Instance(brook => brook.Options.ToleratedParkedEvents = 1).StartAsync();
        await instance.AppliedAsync(1, "fail");
        Assert.Equal((BrookState.Live, 1L), (await instance.Status.GetAsync(Token)) is var one ? (one.State, one.Parked) : default);

        await instance.AppliedAsync(1, "fail");

        var status = await instance.Status.GetAsync(Token);
        Assert.Equal((BrookState.Parked, 2L), (status.State, status.Parked));
        Assert.StartsWith("2 event(s) are set aside, and 1 are tolerated (ToleratedParkedEvents). Later events of their keys wait behind them: list them with IParkedEvents, whose rows say why.", status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_is_too_slow_makes_the_lane_lag_and_then_it_is_live_again()
    {
        var (store, commits) = (new HookedStore(), new SemaphoreSlim(0));
        await using var instance = await new Instance(brook =>
        {
            brook.UseStore(_ => store);
            (brook.Options.LaggingEvents, brook.Options.BatchEvents) = (10, 5);
        }).StartAsync();
        await instance.AppliedAsync(1);
        await instance.UntilAsync(BrookState.Live);
        store.Committing = _ => commits.WaitAsync(Token);

        await instance.Brook.SendManyAsync(Enumerable.Range(0, 50).Select(i => new BrookEvent<int>("add", i)), Token);
        var status = await instance.Status.GetAsync(Token);

        Assert.Equal((BrookState.Lagging, 50L), (status.State, status.Behind));
        Assert.StartsWith("Lane brook/0 is 50 events behind; 10 are lagging (LaggingEvents). Handlers or the store are slower than the senders:", status.Reason, StringComparison.Ordinal);
        commits.Release(100);
        Assert.Equal(0, (await instance.UntilAsync(BrookState.Live, until: now => now.Behind == 0)).Behind);
    }

    [Fact]
    public async Task A_lane_that_was_never_near_the_end_is_catching_up()
    {
        var (store, commits) = (new HookedStore(), new SemaphoreSlim(0));
        await using var instance = await new Instance(brook =>
        {
            brook.UseStore(_ => store);
            brook.Options.LaggingEvents = 10;
        }).StartAsync();
        store.Committing = commit => commit.Writes("sums") ? commits.WaitAsync(Token) : Task.CompletedTask;

        await instance.Brook.SendManyAsync(Enumerable.Range(0, 50).Select(i => new BrookEvent<int>("add", i)), Token);

        Assert.Contains("It has not been near the end since it was opened here", (await instance.UntilAsync(BrookState.CatchingUp)).Reason, StringComparison.Ordinal);
        commits.Release(100);
        await instance.UntilAsync(BrookState.Live);
    }

    [Fact]
    public async Task An_event_that_was_sent_too_long_ago_makes_the_lane_lag()
    {
        var (store, commits, clock) = (new HookedStore(), new SemaphoreSlim(0), new FakeTimeProvider());
        await using var instance = await new Instance(brook =>
        {
            brook.UseStore(_ => store);
            (brook.Options.LaggingAge, brook.Options.StalledAfter) = (TimeSpan.FromSeconds(10), TimeSpan.FromHours(1));
        }, clock).StartAsync();
        await instance.UntilAsync(BrookState.Live);
        store.Committing = _ => commits.WaitAsync(Token);
        await instance.Brook.SendAsync("add", 1, cancellationToken: Token);
        await Until.TrueAsync(async () => (await instance.Status.GetAsync(Token)).OldestAge is not null, "it is at work");

        clock.Advance(TimeSpan.FromSeconds(11));

        Assert.StartsWith("Lane brook/0's oldest event at work was sent 0.00:00:11 ago; 00:00:10 is lagging (LaggingAge) (1 events wait).", (await instance.UntilAsync(BrookState.Lagging)).Reason, StringComparison.Ordinal);
        commits.Release();
        Assert.Null((await instance.UntilAsync(BrookState.Live, until: now => now.Behind == 0)).OldestAge);
    }

    private sealed class Instance : IAsyncDisposable
    {
        private readonly IHost _host;

        public Instance(Action<BrookBuilder>? configure = null, TimeProvider? time = null)
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Logging.AddFakeLogging();
            builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
            if (time is not null) builder.Services.AddSingleton(time);
            builder.Services.AddBrookInProcess(brook =>
            {
                brook.Options.RetryDelay = TimeSpan.Zero;
                brook.On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<int>("fail", e => throw new InvalidOperationException("no"));
                configure?.Invoke(brook);
            });
            _host = builder.Build();
        }

        public IBrook Brook => _host.Services.GetRequiredService<IBrook>();
        public IBrookStatus Status => _host.Services.GetRequiredService<IBrookStatus>();
        public FakeLogCollector Logs => _host.Services.GetFakeLogCollector();

        public async Task<Instance> StartAsync()
        {
            await _host.StartAsync(Token);
            return this;
        }

        public async Task AppliedAsync(int data, string type = "add")
            => await _host.Services.GetRequiredService<IBrookView>().WaitForAsync(await Brook.SendAsync(type, data, cancellationToken: Token), cancellationToken: Token);

        /// <summary>Asks until it is so.</summary>
        public async Task<BrookStatus> UntilAsync(BrookState state, Action? meanwhile = null, Func<BrookStatus, bool>? until = null)
        {
            var (status, seen) = ((BrookStatus?)null, new HashSet<BrookState>());
            await Until.TrueAsync(async () =>
            {
                meanwhile?.Invoke();
                status = await Status.GetAsync(Token);
                seen.Add(status.State);
                return status.State == state && until?.Invoke(status) != false;
            }, $"the state is {state}; seen {string.Join(", ", seen)}");
            return status!;
        }

        public async ValueTask DisposeAsync()
        {
            await _host.StopAsync(CancellationToken.None);
            await ((IAsyncDisposable)_host).DisposeAsync();
        }
    }
}
