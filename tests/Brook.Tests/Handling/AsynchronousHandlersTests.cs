using System.Collections.Concurrent;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Faithfulness;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.Tests.Handling;

/// <summary>Handlers that read the view or call services: their scope, their time, and what becomes of late ones.</summary>
public sealed class AsynchronousHandlersTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task Each_event_gets_a_handler_of_its_own_in_a_scope_of_its_own_and_both_are_disposed_of()
    {
        var calls = new Calls { Handle = (_, _, _) => ValueTask.FromResult<Changes>(default) };
        await using var lane = await OpenAsync(calls);
        await lane.ProcessAsync(TestLane.Event("ask", new { value = 1 }), TestLane.Event("ask", new { value = 2 }));
        Assert.Equal(["scoped 1 made", "handler made", "handler disposed", "scoped 1 disposed", "scoped 2 made", "handler made", "handler disposed", "scoped 2 disposed"], calls.Seen);
    }

    [Fact]
    public async Task It_reads_what_earlier_events_of_the_batch_have_made_and_stored_values()
    {
        var (store, seen) = (Stores.New(), new List<int>());
        await store.PutAsync("sums", "b", "7");
        await using var lane = await OpenAsync(new Calls
        {
            Handle = async (_, context, token) =>
            {
                seen.Add(await context.View.GetAsync(Sums, "a", token));
                seen.Add(await context.View.GetAsync(Sums, "b", token));
                return default;
            },
        }, store);
        await lane.ProcessAsync(TestLane.Event("add", 1), TestLane.Event("ask", new { value = 0 }), TestLane.Event("add", 2), TestLane.Event("ask", new { value = 0 }));
        Assert.Equal([1, 7, 3, 7], seen);
    }

    [Fact]
    public async Task A_handler_that_throws_is_tried_again_with_a_pause_that_doubles_and_then_its_event_is_set_aside()
    {
        var (time, calls) = (new FakeTimeProvider(), 0);
        await using var lane = await OpenAsync(new Calls
        {
            Handle = (_, context, _) =>
            {
                Assert.Equal(++calls, context.Attempt);
                throw new InvalidOperationException("no");
            },
        }, time: time, configure: brook => brook.Options.RetryDelay = TimeSpan.FromSeconds(10));

        var processing = lane.ProcessAsync(TestLane.Event("ask", new { value = 1 })).AsTask();
        await Until.TrueAsync(() => calls == 1, "the first attempt");
        time.Advance(TimeSpan.FromSeconds(7.9));
        Assert.Equal(1, calls);
        time.Advance(TimeSpan.FromSeconds(4.2));
        await Until.TrueAsync(() => calls == 2, "the second attempt");
        time.Advance(TimeSpan.FromSeconds(15.9));
        Assert.Equal(2, calls);
        time.Advance(TimeSpan.FromSeconds(8.2));

        Assert.Equal((1, 3), ((await processing.Done()).SetAside, calls));
    }

    [Fact]
    [Experiment("timeout_continues")]
    [Trait("brook", "better")]
    public async Task A_handler_that_takes_too_long_is_abandoned_and_its_changes_never_land_where_Elixir_committed_them_after_the_timeout()
    {
        var (time, calls, late) = (new FakeTimeProvider(), 0, new TaskCompletionSource());
        await using var lane = await OpenAsync(new Calls
        {
            Handle = async (_, _, _) =>
            {
                Interlocked.Increment(ref calls);
                await late.Task;
                return Create(Sums, "a", 1_000);
            },
        }, time: time, configure: brook => brook.Options.HandlerAttempts = 2);

        var processing = lane.ProcessAsync(TestLane.Event("add", 1), TestLane.Event("ask", new { value = 1 }, "slow"), TestLane.Event("add", 2)).AsTask();
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            await Until.TrueAsync(() => Volatile.Read(ref calls) == attempt, $"attempt {attempt}");
            time.Advance(TimeSpan.FromSeconds(5));
        }
        Assert.Equal(new BatchResult(BatchOutcome.Committed, 2, 0, 0, 1), await processing.Done());
        late.SetResult();
        await lane.ProcessAsync(TestLane.Event("add", 4));

        Assert.Equal("7", await lane.StoredAsync("sums", "a"));
        var row = Assert.Single(await lane.Parked.ListAsync(cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Equal((typeof(TimeoutException).FullName, 2), (row.ErrorType, row.Attempts));
        Assert.Contains("HandlerTimeout", row.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_context_is_over_when_the_handler_has_ended_and_a_view_kept_from_it_as_well()
    {
        HandlerContext? kept = null;
        IBrookView? view = null;
        await using var lane = await OpenAsync(new Calls
        {
            Handle = (_, context, _) =>
            {
                (kept, view) = (context, context.View);
                return ValueTask.FromResult<Changes>(default);
            },
        });
        await lane.ProcessAsync(TestLane.Event("ask", new { value = 1 }));
        Assert.Throws<ObjectDisposedException>(() => kept!.View);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await view!.GetAsync(Sums, "a", TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await view!.GetAllAsync(Sums, cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_read_that_the_handler_did_not_wait_for_does_not_touch_what_comes_later()
    {
        var (store, gate, asked) = (new HookedStore(), new TaskCompletionSource(), new TaskCompletionSource());
        await store.Inner.PutAsync("sums", "a", "10");
        ValueTask<int> leaked = default;
        await using var lane = await OpenAsync(new Calls
        {
            Handle = (_, context, _) =>
            {
                leaked = context.View.GetAsync(Sums, "a", CancellationToken.None);
                return ValueTask.FromResult<Changes>(default);
            },
        }, store);
        store.Reading = keys =>
        {
            if (keys[0] != new EntryKey("sums", "a") || !asked.TrySetResult()) return Task.CompletedTask;
            return gate.Task;
        };

        var add = false;
        store.Committing = async _ =>
        {
            if (add) return;
            add = true;
            gate.SetResult();
            await Assert.ThrowsAsync<ObjectDisposedException>(async () => await leaked);
        };
        await lane.ProcessAsync(TestLane.Event("ask", new { value = 1 }), TestLane.Event("add", 1));
        Assert.Equal("11", await lane.StoredAsync("sums", "a"));
    }

    [Fact]
    public async Task A_store_that_is_away_while_a_handler_reads_is_not_the_events_failure()
    {
        var (time, store, calls) = (new FakeTimeProvider(), new HookedStore(), 0);
        await using var lane = await OpenAsync(new Calls
        {
            Handle = async (_, context, token) =>
            {
                Interlocked.Increment(ref calls);
                await context.View.GetAsync(Sums, "b", token);
                return Create(Sums, "done", 1);
            },
        }, store, time, brook => brook.Options.RetryDelay = TimeSpan.FromSeconds(1));
        var away = true;
        store.Reading = _ => Volatile.Read(ref away) ? throw HookedStore.Away() : Task.CompletedTask;

        var processing = lane.ProcessAsync(TestLane.Event("ask", new { value = 1 })).AsTask();
        await AdvanceUntilAsync(time, () => Volatile.Read(ref calls) > 5);      // five timeouts: more than there are attempts
        Volatile.Write(ref away, false);
        await AdvanceUntilAsync(time, () => processing.IsCompleted);

        Assert.Equal(new BatchResult(BatchOutcome.Committed, 1, 0, 0, 0), await processing.Done());
    }

    [Fact]
    public async Task A_store_that_is_away_while_a_handler_reads_a_log_is_not_the_events_failure()
    {
        var (store, failures) = (new HookedStore(), 10);
        var calls = new Calls();
        await using var lane = await OpenAsync(calls, store);
        await lane.ProcessAsync(TestLane.Event("add", 1));
        calls.Handle = async (_, context, token) => Create(Sums, "logged", (await context.View.GetEventsAsync(Sums, "a", cancellationToken: token)).Count);
        store.Reading = _ => failures-- > 0 ? throw HookedStore.Away() : Task.CompletedTask;

        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("ask", new { value = 1 }))).Applied);
        Assert.Equal("1", await lane.StoredAsync("sums", "logged"));
    }

    [Fact]
    public async Task When_the_host_stops_the_answer_is_cancellation_whatever_the_handler_throws()
    {
        using var stop = new CancellationTokenSource();
        await using var lane = await OpenAsync(new Calls
        {
            Handle = async (_, _, token) =>
            {
                await stop.CancelAsync();
                throw new InvalidOperationException("the call was cut off");
            },
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Lane.ProcessAsync(TestLane.Message("test/0", default, TestLane.Event("ask", new { value = 1 })), stop.Token));
        Assert.Equal(0, await lane.Parked.CountAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_handler_that_outlives_a_stopped_batch_does_no_harm_to_the_next_one()
    {
        var (store, gate, began) = (Stores.New(), new TaskCompletionSource(), new TaskCompletionSource());
        Exception? late = null;
        var ended = new TaskCompletionSource();
        var calls = new Calls();
        calls.Handle = async (_, context, _) =>
        {
            var view = context.View;
            began.SetResult();
            await gate.Task;
            try { await view.GetAsync(Sums, "a", CancellationToken.None); }
            catch (ObjectDisposedException e) { late = e; }
            ended.SetResult();
            return default;
        };
        await using var lane = await OpenAsync(calls, store);
        using var stop = new CancellationTokenSource();
        var cut = lane.Lane.ProcessAsync(TestLane.Message("test/0", default, TestLane.Event("ask", new { value = 1 })), stop.Token).AsTask();
        await began.Task.Done();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cut);
        calls.Handle = async (_, _, _) =>
        {
            gate.TrySetResult();
            await ended.Task;
            return Create(Sums, "a", 5);
        };

        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("ask", new { value = 1 }))).Applied);
        Assert.NotNull(late);
    }

    private static async Task AdvanceUntilAsync(FakeTimeProvider time, Func<bool> condition) => await Until.TrueAsync(() =>
    {
        time.Advance(TimeSpan.FromMilliseconds(500));
        return condition();
    }, "time to pass");

    private static Task<TestLane> OpenAsync(Calls calls, IViewStore? store = null, TimeProvider? time = null, Action<BrookBuilder>? configure = null) => TestLane.OpenAsync(brook =>
    {
        configure?.Invoke(brook);
        brook.UseStore(_ => store ?? Stores.New()).AddHandler<Asking>().On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data));
    }, time: time, services: services => services.AddSingleton(calls).AddScoped<Scoped>());

    internal sealed class Calls
    {
        private int _scopes;

        public ConcurrentQueue<string> Seen { get; } = [];
        public Func<BrookEvent<AskData>, HandlerContext, CancellationToken, ValueTask<Changes>> Handle { get; set; } = (_, _, _) => default;

        public int NextScope() => Interlocked.Increment(ref _scopes);
    }

    [EventType("ask")]
    internal sealed record AskData(int Value);

    internal sealed class Scoped : IDisposable
    {
        private readonly Calls _calls;
        private readonly int _number;

        public Scoped(Calls calls)
        {
            (_calls, _number) = (calls, calls.NextScope());
            calls.Seen.Enqueue($"scoped {_number} made");
        }

        public void Dispose() => _calls.Seen.Enqueue($"scoped {_number} disposed");
    }

    internal sealed class Asking : IAsyncBrookHandler<AskData>, IAsyncDisposable
    {
        private readonly Calls _calls;

        public Asking(Calls calls, Scoped scoped)
        {
            Assert.NotNull(scoped);
            _calls = calls;
            calls.Seen.Enqueue("handler made");
        }

        public ValueTask<Changes> HandleAsync(BrookEvent<AskData> e, HandlerContext context, CancellationToken cancellationToken) => _calls.Handle(e, context, cancellationToken);

        public ValueTask DisposeAsync()
        {
            _calls.Seen.Enqueue("handler disposed");
            return default;
        }
    }
}
