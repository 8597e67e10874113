using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Testing;

public sealed class BrookTestHarnessTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_seeds_a_view_with_an_event_that_no_handler_sees()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());

        await harness.WithEventAsync(Create(OrderHandler.Orders, "1", new Order("1", 5, "seeded")), Token);
        Assert.Equal(WaitResult.Applied, await harness.SendAsync("order:shipped", new OrderShipped("1"), "1", Token));

        Assert.Equal(new Order("1", 5, "shipped"), await harness.View.GetAsync(OrderHandler.Orders, "1", Token));
        Assert.Equal(["test:event", "order:shipped"], (await harness.View.GetEventsAsync(OrderHandler.Orders, "1", cancellationToken: Token)).Select(e => e.Type));
    }

    [Fact]
    public async Task A_seed_that_fails_says_why()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => harness.WithEventAsync(Merge(OrderHandler.Orders, "1", order => order! with { Status = "x" }), Token));

        Assert.StartsWith("The changes could not be made: The merge into orders/1 met nothing stored and failed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_clears_a_collection_and_lanes_notice()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());
        await harness.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);

        await harness.ClearAsync(OrderHandler.Orders, Token);

        Assert.Equal(0, await harness.View.CountAsync(OrderHandler.Orders, Token));
        Assert.Equal(WaitResult.SetAside, await harness.SendAsync("order:shipped", new OrderShipped("1"), "1", Token));      // the lane's cache did not hide it
    }

    [Fact]
    public async Task It_shows_what_the_application_sent_in_order()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.Author("app").AddHandler<OrderHandler>());

        await harness.Brook.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);
        await harness.Brook.SendManyAsync([new BrookEvent<OrderShipped>("order:shipped", new("1")) { Key = "1" }], Token);

        Assert.Equal([("order:placed", "1", "app"), ("order:shipped", "1", "app")], harness.Sent.Select(sent => (sent.Type, sent.Key!, sent.Author)));
        Assert.Contains("\"data\":{\"id\":\"1\"}", System.Text.Encoding.UTF8.GetString(harness.Sent[1].Json.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fake_clock_dates_events_and_ends_entries()
    {
        var sessions = new ViewCollection<string>("sessions") { TimeToLive = TimeSpan.FromMinutes(10) };
        var clock = new FakeTimeProvider(new DateTimeOffset(2020, 6, 8, 12, 0, 0, TimeSpan.Zero));
        await using var harness = await Some.HarnessAsync(brook => brook.On<string>("login", e => Create(sessions, e.Data, e.CreatedAt.ToString("HH:mm", null))), services: services => services.AddSingleton<TimeProvider>(clock));

        await harness.SendAsync("login", "ada", cancellationToken: Token);
        Assert.Equal("12:00", await harness.View.GetAsync(sessions, "ada", Token));
        harness.Clock.Advance(TimeSpan.FromMinutes(11));

        Assert.False(await harness.View.ExistsAsync(sessions, "ada", Token));
    }

    [Fact]
    public async Task It_waits_for_ordinary_messages_too()
    {
        ViewCollection<int> sums = "sums";
        await using var harness = await Some.HarnessAsync(brook => brook.Consume<OrderSubmitted>("order:submitted").On<OrderSubmitted>("order:submitted", e => Merge(sums, "all", sum => sum + e.Data.Quantity)));
        var bus = harness.Services.GetRequiredService<IBus>();

        await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => bus.Publish(new OrderSubmitted("x", 2), Token))).WithDeadline();
        await harness.WhenIdleAsync(Token);

        Assert.Equal(600, await harness.View.GetAsync(sums, "all", Token));
    }

    [Fact]
    public async Task It_joins_an_application_that_sets_itself_up()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook("orders", brook => brook.AddHandler<OrderHandler>());
            x.UsingInMemory();
        });
        builder.Services.AddBrookTestHarness("orders");
        using var host = builder.Build();
        await BrookTestHarness.StartAsync(host, Token);
        var harness = host.Services.GetRequiredKeyedService<BrookTestHarness>("orders");

        Assert.Equal(WaitResult.Applied, await harness.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token));

        Assert.Single(harness.Sent);
        await host.StopAsync(Token);
    }

    [Fact]
    public void Without_an_instance_it_says_what_to_call_first()
    {
        var error = Assert.Throws<BrookException>(() => new ServiceCollection().AddBrookTestHarness());
        Assert.Equal("There is no Brook instance 'brook' to test. Call AddBrookTestHarness after AddMassTransit(x => x.AddBrook(...)).", error.Message);
    }

    [Fact]
    public async Task A_wait_that_takes_too_long_says_what_is_left()
    {
        var release = new TaskCompletionSource();
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<WaitingHandler>(), services: services => services.AddSingleton(release));
        harness.Patience = TimeSpan.FromMilliseconds(200);
        await harness.Brook.SendAsync("step", new Step(0, 0), cancellationToken: Token);

        var error = await Assert.ThrowsAsync<TimeoutException>(() => harness.WhenIdleAsync(Token));

        Assert.Equal("After 00:00:00.2000000 the instance is not idle: 1 event(s) are not handled and 0 are in the outbox. Is a handler stuck, or a fake clock to be moved on?", error.Message);
        release.SetResult();
    }

    private sealed class WaitingHandler(TaskCompletionSource release) : IAsyncBrookHandler<Step>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<Step> e, HandlerContext context, CancellationToken cancellationToken)
        {
            await release.Task.WaitAsync(cancellationToken);
            return default;
        }
    }
}
