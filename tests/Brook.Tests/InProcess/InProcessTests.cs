using System.Diagnostics;
using System.Text;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Faithfulness;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Brook.Change;

namespace Brook.Tests.InProcess;

/// <summary>The driver without a bus, as an application uses it.</summary>
public sealed class InProcessTests
{
    private static readonly ViewCollection<int> Sums = "sums";
    private static readonly ViewCollection<List<int>> Lists = "lists";

    [Fact]
    public async Task Events_are_applied_in_the_order_of_the_calls_and_a_receipt_says_when()
    {
        using var host = await StartAsync();
        var brook = host.Services.GetRequiredService<IBrook>();
        var view = host.Services.GetRequiredService<IBrookView>();
        Receipt receipt = new([]);
        for (var i = 0; i < 1000; i++) receipt = await brook.SendAsync("list", i, "k", TestContext.Current.CancellationToken);
        Assert.Equal(WaitResult.Applied, await view.WaitForAsync(receipt, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(Enumerable.Range(0, 1000), await view.GetAsync(Lists, "k", TestContext.Current.CancellationToken));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_receipt_of_a_failing_event_says_that_it_was_set_aside()
    {
        using var host = await StartAsync();
        var receipt = await host.Services.GetRequiredService<IBrook>().SendAsync("poison", 1, "k", TestContext.Current.CancellationToken);
        Assert.Equal(WaitResult.SetAside, await host.Services.GetRequiredService<IBrookView>().WaitForAsync(receipt, cancellationToken: TestContext.Current.CancellationToken));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    [Experiment("send_inside_handler_default_driver")]
    [Trait("brook", "better")]
    public async Task Sending_from_inside_a_handler_works_where_Elixir_called_itself_and_crashed()
    {
        using var host = await StartAsync(brook => brook.AddHandler<Relay>());
        var brook = host.Services.GetRequiredService<IBrook>();
        await brook.SendAsync(new BrookEvent<RelayData>("relay", new(7)), TestContext.Current.CancellationToken);
        var view = host.Services.GetRequiredService<IBrookView>();
        await Until.TrueAsync(async () => await view.GetAsync(Sums, "a", TestContext.Current.CancellationToken) == 7, "the event sent by the handler");
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Stopping_handles_what_was_sent_and_what_handlers_have_sent()
    {
        var store = Stores.New();
        using var host = await StartAsync(store: store);
        var brook = host.Services.GetRequiredService<IBrook>();
        for (var i = 0; i < 200; i++) await brook.SendAsync("chain", 3, cancellationToken: TestContext.Current.CancellationToken);
        await host.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal("800", await StoredAsync(store, "sums", "chain"));
        await Assert.ThrowsAsync<BrookSendException>(async () => await brook.SendAsync("add", 1, cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Stopping_does_not_take_longer_than_what_is_left_to_do()
    {
        for (var round = 0; round < 40; round++)
        {
            using var host = await StartAsync();
            for (var i = 0; i < 3; i++) await host.Services.GetRequiredService<IBrook>().SendAsync("chain", 1, cancellationToken: TestContext.Current.CancellationToken);
            var watch = Stopwatch.StartNew();
            await host.StopAsync(TestContext.Current.CancellationToken);
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"round {round}: {watch.Elapsed}");
        }
    }

    [Fact]
    public async Task Stopping_ends_when_the_last_row_of_the_outbox_is_removed_also_when_its_event_was_handled_before()
    {
        var (store, gate, removing) = (new HookedStore(), new TaskCompletionSource(), new TaskCompletionSource());
        store.Committing = commit =>
        {
            if (commit.Entries[0] is not { Action: EntryAction.Delete, Entry.Collection: "$outbox" }) return Task.CompletedTask;
            removing.TrySetResult();
            return gate.Task;
        };
        using var host = await StartAsync(store: store);
        await host.Services.GetRequiredService<IBrook>().SendAsync("chain", 1, cancellationToken: TestContext.Current.CancellationToken);
        await removing.Task.Done();
        var view = host.Services.GetRequiredService<IBrookView>();
        await view.WaitForAsync(new Receipt([new ReceiptSpan("brook/0", default, 0, 1)]), cancellationToken: TestContext.Current.CancellationToken);
        var stopping = host.StopAsync(TestContext.Current.CancellationToken);
        gate.SetResult();
        await stopping.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task With_a_store_that_outlives_the_process_offsets_go_on_where_it_stands()
    {
        var store = Stores.New();
        for (var run = 0; run < 2; run++)
        {
            using var host = await StartAsync(store: store);
            for (var i = 0; i < 3; i++) await host.Services.GetRequiredService<IBrook>().SendAsync("add", 1, cancellationToken: TestContext.Current.CancellationToken);
            await host.StopAsync(TestContext.Current.CancellationToken);
        }
        Assert.Equal("6", await StoredAsync(store, "sums", "a"));
        Assert.Contains("\"next\":6", await StoredAsync(store, "$lanes", "brook/0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_waits_in_the_outbox_of_a_store_that_outlives_the_process_is_applied_after_the_next_start()
    {
        var store = new HookedStore();
        await using (var before = await TestLane.OpenAsync(brook => Configure(brook.UseStore(_ => store)), name: "brook/0"))
            await before.ProcessAsync(TestLane.Event("burst", 600));                                // no transport: the rows stay
        var pages = 0;
        store.Reading = async keys =>                                                               // the first page of rows leaves while the lane still opens
        {
            if (keys[0].Collection != "$outbox" || ++pages < 2) return;
            for (var i = 0; i < 10_000; i++) await Task.Yield();
        };

        using var host = await StartAsync(store: store);
        await host.Services.GetRequiredService<IBrook>().SendAsync("add", 1, cancellationToken: TestContext.Current.CancellationToken);      // returns when the lane is open
        await host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal("601", await StoredAsync(store.Inner, "sums", "a"));
    }

    [Fact]
    public async Task Sending_waits_above_the_limit_of_unhandled_events_and_goes_on_below_it()
    {
        var (gate, began) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var host = await StartAsync(brook =>
        {
            brook.Options.MaxUnhandledEvents = 3;
            brook.On<int>("block", e => { began.TrySetResult(); gate.Task.GetAwaiter().GetResult(); return Discard; });
        });
        var brook = host.Services.GetRequiredService<IBrook>();
        await brook.SendAsync("block", 0, cancellationToken: TestContext.Current.CancellationToken);
        await began.Task.Done();
        for (var i = 0; i < 2; i++) await brook.SendAsync("add", 1, cancellationToken: TestContext.Current.CancellationToken);
        var waiting = brook.SendAsync("add", 1, cancellationToken: TestContext.Current.CancellationToken).AsTask();
        Assert.False(waiting.IsCompleted);
        gate.SetResult();
        var receipt = await waiting.Done();
        Assert.Equal(WaitResult.Applied, await host.Services.GetRequiredService<IBrookView>().WaitForAsync(receipt, cancellationToken: TestContext.Current.CancellationToken));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [EventType("relay")]
    internal sealed record RelayData(int Number);

    internal sealed class Relay(IBrook brook) : IAsyncBrookHandler<RelayData>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<RelayData> e, HandlerContext context, CancellationToken cancellationToken)
        {
            await brook.SendAsync("add", e.Data.Number, cancellationToken: cancellationToken);
            return Discard;
        }
    }

    private static void Configure(BrookBuilder brook) => brook
        .On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data))
        .On<int>("list", e => Merge(Lists, e.Key!, [], list => { list.Add(e.Data); return list; }))
        .On<int>("poison", e => throw new InvalidOperationException("poison"))
        .On<int>("burst", e => [.. Enumerable.Range(0, e.Data).Select(i => Send("add", 1))])
        .On<int>("chain", e => e.Data > 0 ? [Merge(Sums, "chain", sum => sum + 1), Send("chain", e.Data - 1)] : Merge(Sums, "chain", sum => sum + 1));

    private static async Task<IHost> StartAsync(Action<BrookBuilder>? configure = null, IViewStore? store = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddBrookInProcess(brook =>
        {
            brook.Options.RetryDelay = TimeSpan.Zero;
            configure?.Invoke(brook);
            Configure(brook.UseStore(_ => store ?? Stores.New()));
        });
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    private static async Task<string?> StoredAsync(IViewStore store, string collection, string key)
        => (await store.ReadAsync(new EntryKey[] { new(collection, key) }, TestContext.Current.CancellationToken))[0] is { IsMissing: false } entry ? Encoding.UTF8.GetString(entry.Value.Span) : null;
}
