using Brook.Lanes;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.Tests.Faithfulness;

/// <summary>How handlers run, as in the original or better.</summary>
public sealed class HandlingTests
{
    private static readonly ViewCollection<int> C = "c";

    [Fact, Experiment("handler_order"), Experiment("read_your_writes")]
    public async Task Handlers_run_in_the_order_added_and_see_what_earlier_ones_have_staged_deletes_too()
    {
        var seen = new List<string>();
        await using var lane = await OpenAsync(seen, brook => brook
            .On<Go>("go", e => [Delete(C, "k1"), Create(C, "k3", 3)])
            .AddHandler<Look>()
            .On<Go>("go", e => Create(C, "k3", 4)));
        await lane.Store.PutAsync("c", "k1", "1");
        await lane.Store.PutAsync("c", "k2", "2");

        await lane.ProcessAsync(TestLane.Event("go", new { }));

        Assert.Equal(["k1: False", "k3: 3", "all: k2=2 k3=3", "page: k2=2 k3=3", "many: k2=2 k3=3", "count: 2", "log of k3: 0"], seen);
        Assert.Equal((null, "4"), (await lane.StoredAsync("c", "k1"), await lane.StoredAsync("c", "k3")));
        Assert.Single(await lane.View.GetEventsAsync(C, "k3", cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact, Experiment("exception_in_second_handler")]
    public async Task An_exception_in_the_second_handler_takes_back_what_the_first_has_staged_and_nothing_is_forwarded()
    {
        var transport = new FakeTransport { ForwardsToOtherNodes = true };
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("go", e => Create(C, "k", 1)).On<int>("go", e => throw new InvalidOperationException("boom")), services: transport.Register);
        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("go", 0))).SetAside);
        Assert.Null(await lane.StoredAsync("c", "k"));
        Assert.Empty(transport.Forwarded);
    }

    [Fact, Experiment("exception_kills_tree_after_4"), Trait("brook", "better")]
    public async Task Any_number_of_failing_events_stop_nothing_where_Elixir_died_of_the_fourth()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<int>("go", e => e.Data < 50 ? throw new InvalidOperationException("boom") : Create(C, "k", e.Data)));
        for (var i = 0; i <= 50; i++) await lane.ProcessAsync(TestLane.Event("go", i));
        Assert.Equal(("50", 50), (await lane.StoredAsync("c", "k"), await lane.Parked.CountAsync(TestContext.Current.CancellationToken)));
    }

    [Fact, Experiment("dirty_read_outside"), Trait("brook", "better")]
    public async Task Nobody_outside_sees_what_is_staged_where_Elixir_showed_it_to_every_reader()
    {
        var (seen, staged, looked) = (new List<string>(), new TaskCompletionSource(), new TaskCompletionSource());
        await using var lane = await OpenAsync(seen, brook => brook.On<Go>("go", e => Create(C, "k", 1)).AddHandler<Hold>(), services => services.AddSingleton(new Gates(staged, looked)));
        var processing = lane.ProcessAsync(TestLane.Event("go", new { })).AsTask();
        await staged.Task.Done();
        Assert.False(await lane.View.ExistsAsync(C, "k", TestContext.Current.CancellationToken));
        Assert.Empty(await lane.View.GetAllAsync(C, cancellationToken: TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        looked.SetResult();
        Assert.Equal(1, (await processing.Done()).Applied);
        Assert.True(await lane.View.ExistsAsync(C, "k", TestContext.Current.CancellationToken));
    }

    [Fact, Experiment("dispatch_after_commit")]
    public async Task Events_are_forwarded_once_after_their_commit_discarded_ones_too()
    {
        var store = new HookedStore();
        var (transport, committedBefore) = (new FakeTransport { ForwardsToOtherNodes = true }, 0);
        store.Committing = _ => { committedBefore = transport.Forwarded.Count; return Task.CompletedTask; };
        await using var lane = await TestLane.OpenAsync(brook => brook.UseStore(_ => store).On<int>("go", e => e.Data == 0 ? Discard : Create(C, "k", e.Data)), services: transport.Register);
        await lane.ProcessAsync(TestLane.Event("go", 0), TestLane.Event("go", 1));
        Assert.Equal((0, 2), (committedBefore, transport.Forwarded.Count));
        Assert.Equal(["go", "go"], transport.Forwarded.Select(e => e.Type));
    }

    [Fact, Experiment("forwarded")]
    public async Task A_forwarded_event_runs_its_handlers_and_keeps_none_of_their_changes()
    {
        var seen = new List<string>();
        await using var lane = await OpenAsync(seen, brook => brook.On<Go>("go", e => { seen.Add($"forwarded: {e.Forwarded}"); return Create(C, "k3", 3); }).AddHandler<Look>());
        await lane.Engine.ObserveAsync(TestLane.Message("other/0", Guid.CreateVersion7(), TestLane.Event("go", new { })), TestContext.Current.CancellationToken);
        Assert.Equal(["forwarded: True", "k1: False", "k3: 3"], seen.Take(3));
        Assert.Null(await lane.StoredAsync("c", "k3"));
    }

    [Fact, Experiment("send_unserializable")]
    public async Task An_event_that_cannot_be_serialized_fails_its_sender()
    {
        var tied = new List<object>();
        tied.Add(tied);
        var transport = new FakeTransport();
        await using var provider = Senders(transport);
        var error = await Assert.ThrowsAsync<BrookException>(async () => await provider.GetRequiredService<IBrook>().SendAsync("go", tied, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("cannot be serialized", error.Message, StringComparison.Ordinal);
        Assert.Empty(transport.Sent);
    }

    private static ServiceProvider Senders(FakeTransport transport)
    {
        var services = new ServiceCollection();
        transport.Register(services);
        BrookBuilder.Register(services, "", brook => brook.SendOnly());
        return services.BuildServiceProvider();
    }

    private static Task<TestLane> OpenAsync(List<string> seen, Action<BrookBuilder> configure, Action<IServiceCollection>? more = null) => TestLane.OpenAsync(configure, services: services =>
    {
        services.AddSingleton(seen);
        more?.Invoke(services);
    });

    internal sealed record Go;

    internal sealed class Look(List<string> seen) : IAsyncBrookHandler<Go>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<Go> e, HandlerContext context, CancellationToken cancellationToken)
        {
            var view = context.View;
            seen.Add($"k1: {await view.ExistsAsync(C, "k1", cancellationToken)}");
            seen.Add($"k3: {await view.GetAsync(C, "k3", cancellationToken)}");
            seen.Add($"all: {Text(await view.GetAllAsync(C, cancellationToken: cancellationToken).ToListAsync(cancellationToken))}");
            seen.Add($"page: {Text((await view.GetPageAsync(C, 10, cancellationToken: cancellationToken)).Entries)}");
            seen.Add($"many: {Text(await view.GetManyAsync(C, ["k1", "k2", "k3"], cancellationToken))}");
            seen.Add($"count: {await view.CountAsync(C, cancellationToken)}");
            seen.Add($"log of k3: {(await view.GetEventsAsync(C, "k3", cancellationToken: cancellationToken)).Count}");
            return Discard;
        }

        private static string Text(IEnumerable<KeyValuePair<string, int>> entries) => string.Join(' ', entries.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}={entry.Value}"));
    }

    internal sealed record Gates(TaskCompletionSource Staged, TaskCompletionSource Looked);

    internal sealed class Hold(Gates gates) : IAsyncBrookHandler<Go>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<Go> e, HandlerContext context, CancellationToken cancellationToken)
        {
            gates.Staged.TrySetResult();
            await gates.Looked.Task.WaitAsync(cancellationToken);
            return Discard;
        }
    }
}
