using System.Buffers;
using System.Text;
using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Sending;

public sealed class SendingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_of_concurrent_callers_share_messages()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());

        var receipts = await Task.WhenAll(Enumerable.Range(0, 256).Select(i => Task.Run(async () =>
        {
            var mine = new List<Receipt>();
            for (var n = 0; n < 40; n++) mine.Add(await harness.Brook.SendAsync("order:placed", new OrderPlaced($"{i}-{n}", 1), $"{i}", Token));
            return mine;
        }))).WithDeadline();

        var messages = receipts.SelectMany(mine => mine).Select(receipt => receipt.Spans[0].MessageId).Distinct().Count();
        Assert.True(messages < 256 * 40 / 2, $"{256 * 40} events travelled in {messages} messages");
        await harness.WhenIdleAsync(Token);
        Assert.Equal(256 * 40, await harness.View.CountAsync(OrderHandler.Orders, Token));
    }

    [Fact]
    public async Task A_lone_caller_sends_on_its_own_thread()
    {
        var sentOn = 0;
        var sender = new PartitionSender(_ => { sentOn = Environment.CurrentManagedThreadId; return Task.CompletedTask; }, othersWait: () => false);
        var e = new Lanes.EventEnvelope { Record = "{}"u8.ToArray() };
        var (message, _) = sender.Join(in e, fromHandlers: false);

        var caller = Environment.CurrentManagedThreadId;
        sender.Start();

        Assert.True(message.Done.Task.IsCompleted);
        Assert.Equal(caller, sentOn);
        Assert.Null(await message.Done.Task.WithDeadline());
    }

    [Fact]
    public async Task One_send_of_a_partition_is_in_flight_and_the_rest_shares_the_next_message()
    {
        var (inFlight, most, messages, release) = (0, 0, new List<int>(), new TaskCompletionSource());
        var sender = new PartitionSender(async message =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inFlight));
            messages.Add(message.Count);
            await release.Task;
            Interlocked.Decrement(ref inFlight);
        });
        var e = new Lanes.EventEnvelope { Record = "{}"u8.ToArray() };
        var joined = new List<OpenMessage>();
        for (var i = 0; i < 701; i++)
        {
            joined.Add(sender.Join(in e, fromHandlers: false).Message);
            sender.Start();
            if (i == 0) await Waiting.UntilAsync(() => Volatile.Read(ref inFlight) == 1);
        }
        release.SetResult();
        await Task.WhenAll(joined.Select(message => message.Done.Task)).WithDeadline();

        Assert.Equal(1, most);
        Assert.Equal([1, 500, 200], messages);
    }

    [Fact]
    public async Task An_event_that_is_too_large_fails_its_caller_with_its_size_and_the_limit()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());

        var error = await Assert.ThrowsAsync<BrookException>(async () => await harness.Brook.SendAsync("order:placed", new OrderPlaced(new string('x', 1_100_000), 1), "k", Token));

        Assert.Contains("the limit is 1,048,576 (MaxEventBytes), so it was not sent", error.Message, StringComparison.Ordinal);
        Assert.Contains("'order:placed' (key 'k') has 1,100,", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_over_256_kB_goes_alone_and_arrives()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());
        var id = new string('x', 900);

        Assert.Equal(WaitResult.Applied, await harness.SendAsync("order:placed", new { id, total = 1, note = new string('n', 900_000) }, "k", Token));

        Assert.Equal(1m, (await harness.View.GetAsync(OrderHandler.Orders, id, Token))!.Total);
    }

    [Fact]
    public async Task An_event_that_cannot_be_serialized_fails_its_caller_alone()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());
        var loop = new List<object>();
        loop.Add(loop);

        var error = await Assert.ThrowsAsync<BrookException>(async () => await harness.Brook.SendAsync("order:placed", loop, "k", Token));

        Assert.StartsWith("The event 'order:placed' (key 'k') cannot be serialized, so it was not sent:", error.Message, StringComparison.Ordinal);
        Assert.Equal(WaitResult.Applied, await harness.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token));
    }

    [Theory]
    [InlineData("")]
    [InlineData("huge")]
    public async Task A_bad_key_is_said_to_the_sender(string key)
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());

        var error = await Assert.ThrowsAnyAsync<ArgumentException>(async () => await harness.Brook.SendAsync("order:placed", new OrderPlaced("1", 1), key == "huge" ? new string('k', 1025) : key, Token));

        Assert.Contains(key.Length == 0 ? "The key is empty" : "has 1,025 bytes of UTF-8; the limit is 1,024", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SendMany_lists_what_was_not_sent()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());
        BrookEvent[] events = [.. Enumerable.Range(0, 1200).Select(i => new BrookEvent<OrderPlaced>("order:placed", new($"{i}", i)) { Key = i == 700 ? "" : $"{i}" })];

        var error = await Assert.ThrowsAsync<BrookSendException>(async () => await harness.Brook.SendManyAsync(events, Token));

        Assert.Equal(700, error.NotSent.Count);                         // the part with the bad one, and all after it
        Assert.Same(events[500], error.NotSent[0]);
        Assert.Equal(WaitResult.Applied, await harness.View.WaitForAsync(error.Sent, cancellationToken: Token));
        Assert.Equal(500, await harness.View.CountAsync(OrderHandler.Orders, Token));
        Assert.StartsWith("700 events could not be sent by Brook instance 'brook': The key is empty", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_send_before_the_start_waits_for_it()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(brook => brook.AddHandler<OrderHandler>());
            x.UsingInMemory();
        });
        using var host = builder.Build();
        var sending = host.Services.GetRequiredService<IBrook>().SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token).AsTask();
        Assert.False(sending.IsCompleted);

        await BrookTestHarness.StartAsync(host, Token);

        var receipt = await sending.WithDeadline();
        Assert.Equal(WaitResult.Applied, await host.Services.GetRequiredService<IBrookView>().WaitForAsync(receipt, cancellationToken: Token));
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_send_to_a_stream_that_nobody_reads_says_so()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>(), bus => bus.AddBrook("sender", brook => brook.SendOnly().Stream("unread")));

        var error = await Assert.ThrowsAsync<BrookSendException>(async () => await harness.Services.GetRequiredKeyedService<IBrook>("sender").SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token));

        Assert.StartsWith("The event 'order:placed' (key '1') could not be sent by Brook instance 'sender': Nobody reads stream 'unread' on this bus, so the event would be lost.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_send_only_instance_sends_to_the_stream_that_another_one_reads()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>().Stream("orders"), bus => bus.AddBrook("sender", brook => brook.SendOnly().Author("the-sender").Stream("orders")));

        await harness.Services.GetRequiredKeyedService<IBrook>("sender").SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);
        await harness.WhenIdleAsync(Token);

        Assert.Equal("the-sender", Assert.Single(await harness.View.GetEventsAsync(OrderHandler.Orders, "1", cancellationToken: Token)).Author);
        Assert.Null(harness.Services.GetKeyedService<IBrookView>("sender"));
    }

    [Fact]
    public async Task Sending_waits_while_too_many_events_are_unhandled()
    {
        var release = new TaskCompletionSource();
        await using var harness = await Some.HarnessAsync(brook =>
        {
            brook.AddHandler<SlowHandler>();
            brook.Options.MaxUnhandledEvents = 10;
            brook.Options.HandlerTimeout = TimeSpan.FromMinutes(5);
        }, services: services => services.AddSingleton(release));
        for (var i = 0; i < 10; i++) await harness.Brook.SendAsync("step", new Step(0, i), cancellationToken: Token);

        var eleventh = harness.Brook.SendAsync("step", new Step(0, 10), cancellationToken: Token).AsTask();
        Assert.False(eleventh.IsCompleted);
        release.SetResult();

        await eleventh.WithDeadline();
        await harness.WhenIdleAsync(Token);
    }

    [Fact]
    public async Task Headers_correlation_author_id_and_time_travel_with_each_event()
    {
        BrookEvent? seen = null;
        await using var harness = await Some.HarnessAsync(brook => brook.Author("me").On<Step>("step", e => { seen = e; return default; }));
        var id = Guid.NewGuid();

        await harness.SendAsync([new BrookEvent<Step>("step", new Step(1, 2)) { Id = id, Key = "k/é\"", CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(1_591_619_696_123), Headers = new Dictionary<string, string> { [BrookEvent.CorrelationHeader] = "c-1", ["x"] = "ÿ" } }], Token);

        Assert.Equal((id, "me", "k/é\"", 1_591_619_696_123, "c-1", "ÿ"), (seen!.Id, seen.Author, seen.Key, seen.CreatedAt.ToUnixTimeMilliseconds(), seen.Headers[BrookEvent.CorrelationHeader], seen.Headers["x"]));
        Assert.Equal("brook/0", seen.Position.Lane);
    }

    [Fact]
    public async Task The_senders_trace_goes_on_in_the_handler()
    {
        using var listener = new System.Diagnostics.ActivityListener { ShouldListenTo = source => source.Name is "Brook" or "test", Sample = (ref System.Diagnostics.ActivityCreationOptions<System.Diagnostics.ActivityContext> _) => System.Diagnostics.ActivitySamplingResult.AllData };
        System.Diagnostics.ActivitySource.AddActivityListener(listener);
        using var source = new System.Diagnostics.ActivitySource("test");
        System.Diagnostics.ActivityTraceId? seen = null;
        await using var harness = await Some.HarnessAsync(brook => brook.On<Step>("step", _ => { seen = System.Diagnostics.Activity.Current?.TraceId; return default; }));

        using (var activity = source.StartActivity("sending"))
        {
            await harness.SendAsync("step", new Step(0, 0), cancellationToken: Token);
            Assert.Equal(activity!.TraceId, seen);
        }
    }

    [Fact]
    public async Task An_event_sent_twice_with_the_same_id_is_applied_once()
    {
        ViewCollection<int> counts = "counts";
        await using var harness = await Some.HarnessAsync(brook => brook.On<Step>("step", _ => Merge(counts, "all", n => n + 1)));
        var e = new BrookEvent<Step>("step", new Step(0, 0)) { Id = Guid.NewGuid(), Key = "k" };

        await harness.SendAsync([e, e], Token);
        await harness.SendAsync([e], Token);

        Assert.Equal(1, await harness.View.GetAsync(counts, "all", Token));
    }

    [Fact]
    public async Task What_is_sent_is_one_line_whatever_the_serializer_writes()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>().UseSerializer(new IndentingSerializer()));

        await harness.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);

        Assert.DoesNotContain((byte)'\n', harness.Sent[0].Json.ToArray());
        Assert.Equal(new Order("1", 1, "placed"), await harness.View.GetAsync(OrderHandler.Orders, "1", Token));
    }

    private sealed class IndentingSerializer : IBrookSerializer
    {
        private static readonly System.Text.Json.JsonSerializerOptions s_options = new(System.Text.Json.JsonSerializerDefaults.Web) { WriteIndented = true };

        public T? Read<T>(ReadOnlySpan<byte> json) => System.Text.Json.JsonSerializer.Deserialize<T>(json, s_options);

        public void Write<T>(T value, System.Buffers.IBufferWriter<byte> json) => json.Write(Encoding.UTF8.GetBytes(System.Text.Json.JsonSerializer.Serialize(value, s_options)));
    }

    private sealed class SlowHandler(TaskCompletionSource release) : IAsyncBrookHandler<Step>
    {
        public async ValueTask<Changes> HandleAsync(BrookEvent<Step> e, HandlerContext context, CancellationToken cancellationToken)
        {
            await release.Task.WaitAsync(cancellationToken);
            return default;
        }
    }
}
