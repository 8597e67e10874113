using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Hosting;

public sealed class StopTests
{
    private static readonly ViewCollection<int> Counts = "counts";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stop_in_the_middle_loses_nothing_that_was_confirmed()
    {
        var store = new InMemoryViewStore();
        using var host = HostWith(brook => brook.UseStore(_ => store).Stream("numbers", partitions: 4).On<int>("number", e => Merge(Counts, e.Key!, n => n + 1)));
        await BrookTestHarness.StartAsync(host, Token);
        var (brook, confirmed) = (host.Services.GetRequiredService<IBrook>(), 0);
        var callers = Enumerable.Range(0, 32).Select(caller => Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    await brook.SendAsync("number", 1, $"{caller}", Token);
                    Interlocked.Increment(ref confirmed);
                }
            }
            catch (BrookSendException e)
            {
                return e.Message;
            }
        })).ToArray();
        await Waiting.UntilAsync(() => Volatile.Read(ref confirmed) > 5_000);

        await host.StopAsync(Token);

        var refusals = await Task.WhenAll(callers).WithDeadline();
        Assert.All(refusals, message => Assert.Contains("The host is stopping, so no more events are taken.", message, StringComparison.Ordinal));
        var page = await store.ReadPageAsync("counts", "", null, 100, Token);
        Assert.Equal(confirmed, page.Entries.Sum(entry => int.Parse(entry.Value.Value.Span, System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task A_stop_says_what_it_had_to_leave()
    {
        var logs = new FakeLogCollector();
        var entered = new TaskCompletionSource();
        using var host = HostWith(brook =>
        {
            brook.AddHandler<StuckHandler>();
            brook.Options.HandlerTimeout = TimeSpan.FromHours(1);
        }, services =>
        {
            services.AddSingleton(entered);
            services.AddLogging(logging => logging.AddProvider(new FakeLoggerProvider(logs)));
            services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(700));
        });
        await BrookTestHarness.StartAsync(host, Token);
        for (var i = 0; i < 3; i++) await host.Services.GetRequiredService<IBrook>().SendAsync("step", new Step(0, i), cancellationToken: Token);
        await entered.Task.WithDeadline();

        await host.StopAsync(Token);

        var left = Assert.Single(logs.GetSnapshot(), record => record.Id.Name == "LeftBehind");
        Assert.Equal(LogLevel.Error, left.Level);
        Assert.StartsWith("Brook 'brook': the bus stopped with 3 event(s) of stream 'brook' not handled, 0 in the outbox and 0 ordinary message(s) at work, with whatever waits behind them. The queue ends with the process", left.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_handles_the_ordinary_messages_that_wait()
    {
        const int Messages = 2_000;
        var store = new InMemoryViewStore();
        using var host = HostWith(brook => brook.UseStore(_ => store).Consume<OrderSubmitted>("order:submitted").On<OrderSubmitted>("order:submitted", e => Merge(Counts, "all", n => n + e.Data.Quantity)));
        await BrookTestHarness.StartAsync(host, Token);
        var bus = host.Services.GetRequiredService<IBus>();
        for (var i = 0; i < Messages; i++) await bus.Publish(new OrderSubmitted("x", 1), Token);

        await host.StopAsync(Token);

        Assert.Equal($"{Messages}", System.Text.Encoding.UTF8.GetString((await store.ReadAsync(new EntryKey[] { new("counts", "all") }, Token))[0].Value.Span));
    }

    [Fact]
    public async Task What_an_earlier_run_left_in_the_outbox_leaves_when_the_bus_has_started()
    {
        var store = new InMemoryViewStore();
        var sent = new ViewCollection<int>("sent");
        var row = new Commit(Commit.NewVersion());
        row.Add(new CommitEntry(new("$outbox", "brook/0/000000000000"), EntryAction.Put, null, System.Text.Encoding.UTF8.GetBytes(StreamMessages.Line("number", "7", "k", Guid.NewGuid().ToString()))));
        await store.CommitAsync(row, Token);
        var handled = new TaskCompletionSource();
        using var host = HostWith(brook => brook.UseStore(_ => store).On<int>("number", e =>
        {
            handled.TrySetResult();
            return Merge(sent, e.Key!, n => n + e.Data);
        }));

        await BrookTestHarness.StartAsync(host, Token);

        await handled.Task.WithDeadline();
        await host.StopAsync(Token);
        Assert.Equal(0, await store.CountAsync("$outbox", Token));
    }

    [Fact]
    public async Task A_send_after_the_stop_is_refused_with_the_reason()
    {
        var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());
        var brook = harness.Brook;
        await harness.DisposeAsync();

        var error = await Assert.ThrowsAsync<BrookSendException>(async () => await brook.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token));
        Assert.Contains("The host is stopping, so no more events are taken.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_is_disposed_of_without_a_stop_ends_quietly_and_sends_are_refused()
    {
        var host = HostWith(brook => brook.AddHandler<OrderHandler>());
        await BrookTestHarness.StartAsync(host, Token);
        var brook = host.Services.GetRequiredService<IBrook>();

        await ((IAsyncDisposable)host).DisposeAsync();

        await Assert.ThrowsAsync<BrookSendException>(async () => await brook.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token));
    }

    private static IHost HostWith(Action<BrookBuilder> configure, Action<IServiceCollection>? services = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        services?.Invoke(builder.Services);
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(configure);
            x.UsingInMemory();
        });
        return builder.Build();
    }

    private sealed class StuckHandler(TaskCompletionSource entered) : IAsyncBrookHandler<Step>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<Step> e, HandlerContext context, CancellationToken cancellationToken)
        {
            entered.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return default;
        }
    }
}
