using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.Tests.Staging;

/// <summary>Another lane, or another node, writes to the same view between a batch's reads and its commit.</summary>
public sealed class OtherWriterTests
{
    private static readonly ViewCollection<int> Sums = "sums", Others = "others";

    [Fact]
    public async Task A_merge_runs_again_over_what_another_writer_made_of_the_value()
    {
        var (store, runs) = (new HookedStore(), 0);
        await using var lane = await OpenAsync(store, brook => brook.On<int>("add", e => Merge(Sums, "a", sum => { runs++; return sum + e.Data; })));
        OnceBeforeTheCommit(store, () => store.Inner.PutAsync("sums", "a", "100"));

        await lane.ProcessAsync(TestLane.Event("add", 1), TestLane.Event("add", 2));

        Assert.Equal(("103", 4), (await lane.StoredAsync("sums", "a"), runs));
    }

    [Fact]
    public async Task A_reading_handler_runs_again_when_what_it_has_read_was_changed_and_later_events_with_it()
    {
        var (store, seen) = (new HookedStore(), new Seen());
        await store.Inner.PutAsync("sums", "a", "1");
        await using var lane = await OpenAsync(store, brook => brook.AddHandler<CopySum>().On<int>("add", e => Merge(Others, "copy", sum => sum + e.Data)), seen);
        OnceBeforeTheCommit(store, () => store.Inner.PutAsync("sums", "a", "100"));

        await lane.ProcessAsync(TestLane.Event("copy:sum", new { from = "a" }), TestLane.Event("add", 1));

        Assert.Equal([1, 100], seen.Values);
        Assert.Equal("101", await lane.StoredAsync("others", "copy"));
    }

    [Fact]
    public async Task A_pure_handler_does_not_run_again_on_a_conflict()
    {
        var (store, calls) = (new HookedStore(), 0);
        await using var lane = await OpenAsync(store, brook => brook.On<int>("add", e => { calls++; return Merge(Sums, "a", sum => sum + e.Data); }));
        OnceBeforeTheCommit(store, () => store.Inner.PutAsync("sums", "a", "100"));

        await lane.ProcessAsync(TestLane.Event("add", 1));

        Assert.Equal(("101", 1), (await lane.StoredAsync("sums", "a"), calls));
    }

    [Fact]
    public async Task What_a_handler_has_read_is_checked_at_the_commit_also_when_a_later_merge_failed_and_the_entry_was_read_afresh()
    {
        var (store, seen) = (new HookedStore(), new Seen());
        await store.Inner.PutAsync("sums", "a", "1");
        await using var lane = await OpenAsync(store, brook => brook.AddHandler<AddToSum>()
            .On<int>("poison", e => Merge(Sums, "a", sum => throw new InvalidOperationException("poison"))), seen);
        var reads = 0;                                          // the handler's own read is the first, the fold's after the failed merge the second
        store.Reading = async keys => { if (keys[0] == new EntryKey("sums", "a") && ++reads == 2) await store.Inner.PutAsync("sums", "a", "100"); };

        await lane.ProcessAsync(TestLane.Event("add:to_sum", new { to = "a", number = 1 }), TestLane.Event("poison", 0));

        Assert.Equal("101", await lane.StoredAsync("sums", "a"));
        Assert.Equal([1, 100], seen.Values);
    }

    [Fact]
    public async Task A_handler_that_only_read_is_run_again_too()
    {
        var (store, seen) = (new HookedStore(), new Seen());
        await store.Inner.PutAsync("sums", "a", "1");
        await using var lane = await OpenAsync(store, brook => brook.AddHandler<CopySum>(), seen);
        OnceBeforeTheCommit(store, () => store.Inner.PutAsync("sums", "a", "2"));

        await lane.ProcessAsync(TestLane.Event("copy:sum", new { from = "a" }));

        Assert.Equal("2", await lane.StoredAsync("others", "copy"));
    }

    private static void OnceBeforeTheCommit(HookedStore store, Func<Task> act)
    {
        var done = false;
        store.Committing = async commit =>
        {
            if (done || !(commit.Writes("sums") || commit.Writes("others"))) return;
            done = true;
            await act();
        };
    }

    private static Task<TestLane> OpenAsync(IViewStore store, Action<BrookBuilder> handlers, Seen? seen = null)
        => TestLane.OpenAsync(brook => handlers(brook.UseStore(_ => store)), services: services => services.AddSingleton(seen ?? new Seen()));

    internal sealed class Seen
    {
        public List<int> Values { get; } = [];
    }

    [EventType("copy:sum")]
    internal sealed record CopySumEvent(string From);

    [EventType("add:to_sum")]
    internal sealed record AddToSumEvent(string To, int Number);

    internal sealed class CopySum(Seen seen) : IAsyncBrookHandler<CopySumEvent>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<CopySumEvent> e, HandlerContext context, CancellationToken cancellationToken)
        {
            var sum = await context.View.GetAsync(Sums, e.Data.From, cancellationToken);
            seen.Values.Add(sum);
            return Create(Others, "copy", sum);
        }
    }

    internal sealed class AddToSum(Seen seen) : IAsyncBrookHandler<AddToSumEvent>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<AddToSumEvent> e, HandlerContext context, CancellationToken cancellationToken)
        {
            var sum = await context.View.GetAsync(Sums, e.Data.To, cancellationToken);
            seen.Values.Add(sum);
            return Create(Sums, e.Data.To, sum + e.Data.Number);
        }
    }
}
