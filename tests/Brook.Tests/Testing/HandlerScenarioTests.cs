using System.Text.Json.Nodes;
using Brook.Storage;
using Brook.Testing;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.Tests.Testing;

public sealed record OrderPlaced(string Id, decimal Total);
public sealed record OrderShipped(string Id);
public sealed record OrderCancelled(string Id);
public sealed record Order(string Id, decimal Total, string Status);

public sealed class OrderHandler : IBrookHandler<OrderPlaced>, IBrookHandler<OrderShipped>, IBrookHandler<OrderCancelled>
{
    public static readonly ViewCollection<Order> Orders = "orders";

    public Changes Handle(BrookEvent<OrderPlaced> e) => [Create(Orders, e.Data.Id, new Order(e.Data.Id, e.Data.Total, "placed")), Send("order:confirmed", e.Data.Id, e.Data.Id)];
    public Changes Handle(BrookEvent<OrderShipped> e) => Merge(Orders, e.Data.Id, order => order! with { Status = "shipped" });
    public Changes Handle(BrookEvent<OrderCancelled> e) => e.Data.Id.Length == 0 ? Discard : Delete(Orders, e.Data.Id);
}

public sealed class HandlerScenarioTests
{
    private static readonly ViewCollection<Order> Orders = OrderHandler.Orders;
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_scenario_reads_as_a_sentence() => HandlerScenario.For<OrderHandler>()
        .Given(new OrderPlaced("42", 12.5m))
        .When(new OrderShipped("42"))
        .Then(Orders, "42", new Order("42", 12.50m, "shipped"))
        .ThenMissing(Orders, "43")
        .ThenCount(Orders, 1)
        .ThenLogged(Orders, "42", "order:placed", "order:shipped")
        .ThenNothingSent()
        .RunAsync(Cancellation);

    [Fact]
    public Task An_entry_may_have_gone_with_its_log() => HandlerScenario.For<OrderHandler>()
        .Given(new OrderPlaced("42", 12.5m))
        .When(new OrderCancelled("42"))
        .ThenMissing(Orders, "42")
        .ThenLogged(Orders, "42")
        .RunAsync(Cancellation);

    [Fact]
    public Task What_the_tested_events_sent_is_checked_what_the_given_ones_sent_is_not() => HandlerScenario.For<OrderHandler>()
        .Given(new OrderPlaced("1", 1))
        .When(new OrderPlaced("42", 12.5m))
        .When(new OrderPlaced("43", 1))
        .ThenSent("order:confirmed", "42", key: "42")
        .ThenSent("order:confirmed")
        .RunAsync(Cancellation);

    [Fact]
    public Task Events_with_a_key_wait_behind_a_failed_one() => HandlerScenario.For<OrderHandler>()
        .When(new OrderShipped("42"), key: "42")
        .When(new OrderPlaced("42", 1), key: "42")
        .When(new OrderPlaced("43", 1), key: "43")
        .ThenSetAside("order:shipped", "met nothing stored")
        .ThenSetAside("order:placed", "waits behind it")
        .ThenMissing(Orders, "42")
        .Then(Orders, "43", new Order("43", 1, "placed"))
        .RunAsync(Cancellation);

    [Fact]
    public Task Events_may_be_given_as_they_are() => HandlerScenario.For<OrderHandler>()
        .When(new BrookEvent<OrderPlaced>("order:placed", new OrderPlaced("42", 1)) { Author = "me", Key = "k", CreatedAt = DateTimeOffset.UnixEpoch, Headers = new Dictionary<string, string> { ["h"] = "é" } })
        .Then(async (view, cancellationToken) =>
        {
            var e = Assert.Single(await view.GetEventsAsync(Orders, "42", cancellationToken: cancellationToken));
            Assert.Equal(("me", "k", DateTimeOffset.UnixEpoch, "é"), (e.Author, e.Key, e.CreatedAt, e.Headers["h"]));
        })
        .RunAsync(Cancellation);

    [Fact]
    public Task An_instance_with_several_handlers_and_options_is_set_up_as_in_the_application()
    {
        ViewCollection<int> counts = "counts";
        return HandlerScenario.For(brook =>
            {
                brook.Options.LogLimit = 1;
                brook.On<int>("number:added", e => Merge(counts, e.Key!, n => n + e.Data));
                brook.On<int>("number:added", e => Merge(counts, "all", n => n + 1));
                brook.UseStore(_ => new FaultyViewStore(new InMemoryViewStore()).FailNext(FaultPoint.BeforeCommit));
            })
            .When(2, key: "a")
            .When(3, key: "a")
            .Then(counts, "a", 5)
            .Then(counts, "all", 2)
            .ThenLogged(counts, "a", "number:added")
            .RunAsync(Cancellation);
    }

    [Fact]
    public Task Handlers_get_their_services_and_a_key_comes_from_the_mapping() => HandlerScenario
        .For<Greeter>(brook =>
        {
            brook.Services.AddSingleton(new Greeting("hello"));
            brook.Event<OrderPlaced>(key: e => e.Id);
        })
        .When(new OrderPlaced("42", 1))
        .Then<JsonObject>("greetings", "42", new JsonObject { ["text"] = "hello" })
        .RunAsync(Cancellation);

    [Fact]
    public Task The_clock_dates_events_and_ends_entries()
    {
        var (collection, start) = (new ViewCollection<DateTimeOffset>("times") { TimeToLive = TimeSpan.FromHours(1) }, new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return HandlerScenario.For(brook => brook.On<string>("seen", e => Create(collection, e.Data, e.CreatedAt)))
            .At(start).Given("a")
            .At(start.AddMinutes(30)).When("b")
            .At(start.AddMinutes(60))
            .ThenMissing(collection, "a")
            .Then(collection, "b", start.AddMinutes(30))
            .RunAsync(Cancellation);
    }

    [Fact]
    public Task A_discarded_event_is_seen_to_do_nothing() => HandlerScenario.For<OrderHandler>().When(new OrderCancelled("")).ThenDiscarded().RunAsync(Cancellation);

    [Fact]
    public Task A_stored_null_is_a_value() => HandlerScenario.For(brook => brook.On<int>("nulled", _ => Create<Order?>("orders", "42", null))).When(1).Then<Order?>("orders", "42", null).RunAsync(Cancellation);

    [Fact]
    public async Task A_scenario_may_run_several_times()
    {
        var scenario = HandlerScenario.For<OrderHandler>().When(new OrderPlaced("42", 1)).ThenCount(Orders, 1).ThenSent("order:confirmed");

        await scenario.RunAsync(Cancellation);
        await scenario.RunAsync(Cancellation);
    }

    [Fact]
    public async Task A_failure_prints_expected_and_found_of_everything_that_does_not_hold()
    {
        var error = await FailureOf(HandlerScenario.For<OrderHandler>()
            .Given(new OrderPlaced("42", 12.5m), key: "42")
            .When(new OrderShipped("42"), key: "42")
            .Then(Orders, "42", new Order("42", 12.5m, "delivered"))
            .Then(Orders, "43", new Order("43", 1, "placed"))
            .Then(Orders, "42", new Order("42", 12.5m, "shipped"))
            .ThenMissing(Orders, "42")
            .ThenCount(Orders, 2)
            .ThenLogged(Orders, "42", "order:placed")
            .ThenLogged(Orders, "42")
            .ThenLogged(Orders, "44", "order:placed")
            .ThenDiscarded()
            .ThenSent("order:confirmed"));

        Assert.Equal("""
            The scenario of OrderHandler failed: 9 expectations do not hold.
              orders/42
                expected: {"id":"42","total":12.5,"status":"delivered"}
                found:    {"id":"42","total":12.5,"status":"shipped"}
              orders/43
                expected: {"id":"43","total":1,"status":"placed"}
                found:    nothing
              orders/42
                expected: nothing
                found:    {"id":"42","total":12.5,"status":"shipped"}
              number of entries in orders
                expected: 2
                found:    1
              log of orders/42
                expected: order:placed
                found:    order:placed, order:shipped
              log of orders/42
                expected: none
                found:    order:placed, order:shipped
              log of orders/44
                expected: order:placed
                found:    none
              what became of the events
                expected: all discarded
                found:    1 applied, 0 discarded, 0 known before, 0 set aside
              events sent
                expected: order:confirmed
                found:    none
              given: order:placed(42)
              when:  order:shipped(42)
            """.ReplaceLineEndings("\n"), error);
    }

    [Fact]
    public async Task An_event_set_aside_fails_the_scenario_that_does_not_expect_it()
    {
        var error = await FailureOf(HandlerScenario.For<OrderHandler>().When(new OrderShipped("42")));

        Assert.Equal("""
            The scenario of OrderHandler failed: an expectation does not hold.
              events set aside
                expected: none
                found:    order:shipped: The merge into orders/42 met nothing stored and failed: Object reference not set to an instance of an object. Give it a start with Merge(collection, key, initial, merge), or check for null.
              given: none
              when:  order:shipped()
            """.ReplaceLineEndings("\n"), error);
    }

    [Fact]
    public async Task Sent_events_are_compared_in_order_with_data_and_key()
    {
        var error = await FailureOf(HandlerScenario.For<OrderHandler>()
            .When(new OrderPlaced("1", 1))
            .When(new OrderPlaced("2", 1))
            .ThenSent("order:confirmed", "1", key: "1")
            .ThenSent("order:confirmed", "2"));

        Assert.Equal("""
            The scenario of OrderHandler failed: an expectation does not hold.
              events sent
                expected: order:confirmed(1): "1"
                          order:confirmed: "2"
                found:    order:confirmed(1): "1"
                          order:confirmed(2): "2"
              given: none
              when:  order:placed(), order:placed()
            """.ReplaceLineEndings("\n"), error);
    }

    [Fact]
    public async Task An_expected_failure_that_does_not_come_fails_the_scenario()
    {
        var error = await FailureOf(HandlerScenario.For<OrderHandler>().When(new OrderPlaced("42", 1)).ThenSetAside("order:placed", "no stock"));

        Assert.Contains("  events set aside\n    expected: order:placed: ...no stock...\n    found:    none\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_failure_than_the_expected_one_fails_the_scenario()
        => Assert.Contains("expected: order:shipped: ...no stock...\n    found:    order:shipped: The merge into", await FailureOf(HandlerScenario.For<OrderHandler>().When(new OrderShipped("42")).ThenSetAside("order:shipped", "no stock")), StringComparison.Ordinal);

    [Fact]
    public async Task Something_sent_fails_the_scenario_that_says_nothing_is()
        => Assert.Contains("  events sent\n    expected: none\n    found:    order:confirmed(42): \"42\"\n", await FailureOf(HandlerScenario.For<OrderHandler>().When(new OrderPlaced("42", 1)).ThenNothingSent()), StringComparison.Ordinal);

    [Fact]
    public async Task A_given_event_that_is_set_aside_fails_the_scenario_whatever_is_expected()
    {
        var error = await FailureOf(HandlerScenario.For<OrderHandler>().Given(new OrderShipped("42"), key: "42").When(new OrderPlaced("42", 1)).ThenSetAside("order:shipped"));

        Assert.StartsWith("The scenario of OrderHandler failed: a given event was set aside.\n  events set aside before When\n    expected: none\n    found:    order:shipped(42): The merge into orders/42 met nothing", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_of_a_type_nobody_maps_is_an_error_that_says_what_to_add()
    {
        var error = await Assert.ThrowsAsync<BrookException>(() => HandlerScenario.For<OrderHandler>().When(new Order("42", 1, "")).RunAsync(Cancellation));

        Assert.Equal("Order is mapped to no event type of Brook instance 'brook'. Add brook.Event<Order>(), or a handler of it.", error.Message);
    }

    [Fact]
    public async Task A_lane_that_stands_still_fails_the_scenario_at_once()
    {
        var error = await FailureOf(HandlerScenario.For<OrderHandler>(brook => brook.Options.UnknownEvents = UnknownEventPolicy.Fail).When(new BrookEvent<int>("odd:event", 1)));

        Assert.StartsWith("The scenario of OrderHandler failed: the lane stands still.\n  an event of type 'odd:event' came, which nobody maps (UnknownEvents is Fail).", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scenario_ends_when_it_is_cancelled()
    {
        using var cancelled = new CancellationTokenSource();
        var handling = HandlerScenario.For<Waiter>(brook => brook.Options.HandlerTimeout = TimeSpan.FromDays(1)).When(new OrderPlaced("42", 1)).RunAsync(cancelled.Token);

        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => handling);
    }

    [Fact]
    public void Given_comes_before_When_and_a_key_is_set_in_one_place()
    {
        Assert.Throws<InvalidOperationException>(() => HandlerScenario.For<OrderHandler>().When(new OrderShipped("42")).Given(new OrderPlaced("42", 1)));
        Assert.Throws<ArgumentException>(() => HandlerScenario.For<OrderHandler>().When(new BrookEvent<int>("number", 1), key: "a"));
        Assert.Throws<ArgumentNullException>(() => HandlerScenario.For(null!));
        Assert.Throws<ArgumentNullException>(() => HandlerScenario.For<OrderHandler>().Then(null!));
        Assert.Throws<ArgumentNullException>(() => HandlerScenario.For<OrderHandler>().Then<Order>(null!, "42", null!));
    }

    [Fact]
    public async Task A_check_of_ones_own_fails_with_its_own_exception()
        => await Assert.ThrowsAsync<InvalidCastException>(() => HandlerScenario.For<OrderHandler>().Then((_, _) => throw new InvalidCastException()).RunAsync(Cancellation));

    private static async Task<string> FailureOf(HandlerScenario scenario) => (await Assert.ThrowsAsync<HandlerScenarioException>(() => scenario.RunAsync(Cancellation))).Message;

    public sealed class Waiter : IAsyncBrookHandler<OrderPlaced>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<OrderPlaced> e, HandlerContext context, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return default;
        }
    }

    public sealed record Greeting(string Text);

    public sealed class Greeter(Greeting greeting) : IAsyncBrookHandler<OrderPlaced>
    {
        public ValueTask<Changes> HandleAsync(BrookEvent<OrderPlaced> e, HandlerContext context, CancellationToken cancellationToken)
            => new(Create<JsonObject>("greetings", e.Key!, new JsonObject { ["text"] = greeting.Text }));
    }
}
