using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Receiving;

public sealed class OrdinaryMessageTests
{
    private static readonly ViewCollection<int> Submitted = "submitted";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static void Subscribe(BrookBuilder brook) => brook
        .Consume<OrderSubmitted>("order:submitted", message => message.OrderId)
        .On<OrderSubmitted>("order:submitted", e => Merge(Submitted, e.Data.OrderId, n => e.Data.Quantity < 0 ? throw new InvalidOperationException("negative") : n + e.Data.Quantity));

    [Fact]
    public async Task An_ordinary_message_is_an_event_with_key_headers_correlation_and_time()
    {
        var seen = new TaskCompletionSource<BrookEvent<OrderSubmitted>>();
        await using var harness = await Some.HarnessAsync(brook => brook.Consume<OrderSubmitted>(key: message => message.OrderId).On<OrderSubmitted>("order:submitted", e =>
        {
            seen.TrySetResult(e);
            return Create(Submitted, e.Data.OrderId, e.Data.Quantity);
        }));
        var (correlation, before) = (Guid.NewGuid(), TimeProvider.System.GetUtcNow().AddSeconds(-1));

        await harness.Services.GetRequiredService<IBus>().Publish(new OrderSubmitted("42", 3), context =>
        {
            context.CorrelationId = correlation;
            context.Headers.Set("tenant", "t1");
        }, Token);

        var e = await seen.Task.WithDeadline();
        Assert.Equal(("order:submitted", "42", correlation.ToString(), "t1", 3), (e.Type, e.Key, e.Headers[BrookEvent.CorrelationHeader], e.Headers["tenant"], e.Data.Quantity));
        Assert.InRange(e.CreatedAt, before, TimeProvider.System.GetUtcNow().AddSeconds(1));
        Assert.NotEqual(Guid.Empty, e.Id);
        Assert.NotEmpty(e.Author);
    }

    [Fact]
    public async Task A_message_published_twice_with_one_id_is_applied_once_and_logged()
    {
        await using var harness = await Some.HarnessAsync(Subscribe);
        var (bus, id) = (harness.Services.GetRequiredService<IBus>(), NewId.NextGuid());

        for (var i = 0; i < 3; i++) await bus.Publish(new OrderSubmitted("42", 3), context => context.MessageId = id, Token);
        await bus.Publish(new OrderSubmitted("end", 1), Token);
        await UntilAsync(harness.View, "end", 1);

        Assert.Equal(3, await harness.View.GetAsync(Submitted, "42", Token));
        var logged = Assert.IsType<BrookEvent<OrderSubmitted>>(Assert.Single(await harness.View.GetEventsAsync(Submitted, "42", cancellationToken: Token)));
        Assert.Equal((new OrderSubmitted("42", 3), id), (logged.Data, logged.Id));
    }

    [Fact]
    public async Task A_failing_message_is_set_aside_with_its_json_and_later_ones_of_its_key_wait()
    {
        await using var harness = await Some.HarnessAsync(Subscribe);
        var bus = harness.Services.GetRequiredService<IBus>();

        await bus.Publish(new OrderSubmitted("42", -1), Token);
        await bus.Publish(new OrderSubmitted("42", 5), Token);
        await bus.Publish(new OrderSubmitted("end", 1), Token);
        await UntilAsync(harness.View, "end", 1);

        var parked = await harness.Parked.ListAsync("42", cancellationToken: Token).ToListAsync(Token);
        Assert.Equal([false, true], parked.Select(row => row.StandsBehind));
        Assert.Contains("\"quantity\":-1", System.Text.Encoding.UTF8.GetString(parked[0].Event.Span), StringComparison.Ordinal);
        Assert.False(await harness.View.ExistsAsync(Submitted, "42", Token));
    }

    [Fact]
    public async Task The_public_consumer_feeds_Brook_from_an_endpoint_of_the_application_side_by_side()
    {
        await using var harness = await Some.HarnessAsync(
            brook => brook.On<OrderSubmitted>("order:submitted", e => Merge(Submitted, "all", n => n + e.Data.Quantity)),
            bus =>
            {
                bus.AddConsumer<BrookConsumer<OrderSubmitted>>();
                bus.AddConfigureEndpointsCallback((_, endpoint) => endpoint.ConcurrentMessageLimit = 16);
            });
        var bus = harness.Services.GetRequiredService<IBus>();

        await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => bus.Publish(new OrderSubmitted("x", 1), Token))).WithDeadline();

        await UntilAsync(harness.View, "all", 500);
    }

    [Fact]
    public async Task The_public_consumer_of_an_unmapped_message_says_what_to_add()
    {
        var fault = new TaskCompletionSource<string>();
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>(), bus =>
        {
            bus.AddConsumer<BrookConsumer<OrderSubmitted>>();
            bus.AddHandler((Fault<OrderSubmitted> message) =>
            {
                fault.TrySetResult(message.Exceptions[0].Message);
                return Task.CompletedTask;
            });
        });

        await harness.Services.GetRequiredService<IBus>().Publish(new OrderSubmitted("42", 1), Token);

        Assert.Equal("OrderSubmitted is mapped to no event type of Brook instance 'brook'. Add brook.Event<OrderSubmitted>(), or a handler of it.", await fault.Task.WithDeadline());
    }

    private static async Task UntilAsync(IBrookView view, string key, int value)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await view.GetAsync(Submitted, key, deadline.Token) != value)
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
