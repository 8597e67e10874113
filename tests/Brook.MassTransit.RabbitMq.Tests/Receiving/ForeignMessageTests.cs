using System.Text;
using Brook.MassTransit.RabbitMq.Tests.Support;
using Brook.Storage;
using MassTransit;
using RabbitMQ.Client;
using static Brook.Change;

namespace Brook.MassTransit.RabbitMq.Tests.Receiving;

public sealed record Submitted(string OrderId, int Number);

/// <summary>Messages of publishers that are not Brook, put on the broker with nothing but the client library.</summary>
public sealed class ForeignMessageTests(Broker broker)
{
    private static readonly ViewCollection<int> Orders = "orders";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_lane_cannot_read_goes_to_the_one_error_queue_as_it_came_and_the_lane_goes_on()
    {
        var host = await broker.NewHostAsync();
        await using var node = await Node.StartAsync(host, brook => brook.UseShared(new InMemoryViewStore()).Count());
        await using var foreign = await Foreign.ConnectAsync(host);

        await node.Brook.SendAsync(Steps.Of("a", 1), Token);
        await foreign.PublishAsync("brook.brook", "0", "%PDF", new BasicProperties { ContentType = "application/pdf", MessageId = "not a guid", Headers = new Dictionary<string, object?> { ["x"] = "y" } });
        await foreign.PublishAsync("brook.brook", "0", "{}", new BasicProperties { Headers = new Dictionary<string, object?> { ["Brook-Version"] = "2", ["Brook-Partitions"] = "1" }, MessageId = Guid.NewGuid().ToString() });
        await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 2), Token), cancellationToken: Token);

        Assert.Equal(2, await node.View.GetAsync(Steps.Last, "a", Token));
        var first = await foreign.TakeAsync("brook_error");
        Assert.Equal(("%PDF", "application/pdf", "y"), (Encoding.UTF8.GetString(first.Body.Span), first.BasicProperties.ContentType, Foreign.Header(first, "x")));
        Assert.StartsWith("It has no Brook-Version header, so Brook did not send it (content type application/pdf).", Foreign.Header(first, "Brook-Error"), StringComparison.Ordinal);
        Assert.StartsWith("Its Brook-Version is '2'; this version of Brook reads '1'.", Foreign.Header(await foreign.TakeAsync("brook_error"), "Brook-Error"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("as many headers as a frame takes")]
    [InlineData("tables and lists")]
    [InlineData("nulls, numbers, times and bytes that are no text")]
    [InlineData("a body larger than is received")]
    [InlineData("compressed content")]
    [InlineData("an expiration and a reply address that are none")]
    public async Task A_hostile_message_to_a_lane_is_moved_and_the_lane_goes_on(string what)
    {
        var host = await broker.NewHostAsync();
        await using var node = await Node.StartAsync(host, brook =>
        {
            (brook.Options.MaxEventBytes, brook.Options.MaxReceivedBytes) = (100_000, 200_000);
            brook.UseShared(new InMemoryViewStore()).Count();
        });
        await using var foreign = await Foreign.ConnectAsync(host);
        var properties = new BasicProperties { MessageId = Guid.NewGuid().ToString(), Headers = new Dictionary<string, object?> { ["Brook-Version"] = "1", ["Brook-Partitions"] = "1" } };
        if (what != "a body larger than is received") properties.Headers["Brook-Version"] = "2";
        if (what.StartsWith("as many", StringComparison.Ordinal))
            for (var i = 0; i < 12; i++) properties.Headers[$"h{i}"] = new string('x', 10_000);
        if (what.StartsWith("tables", StringComparison.Ordinal)) properties.Headers["x-death"] = new List<object?> { new Dictionary<string, object?> { ["count"] = 1L, ["in"] = new Dictionary<string, object?> { ["a"] = new List<object?> { 1, "b" } } } };
        if (what.StartsWith("nulls", StringComparison.Ordinal))
            foreach (var (name, value) in new (string, object?)[] { ("none", null), ("number", 1.5), ("long", long.MaxValue), ("time", new AmqpTimestamp(long.MaxValue)), ("bytes", new byte[] { 0xff, 0, 0xfe }), ("yes", true), ("", "no name") }) properties.Headers[name] = value;
        if (what == "compressed content") properties.ContentEncoding = "gzip";
        if (what.StartsWith("an expiration", StringComparison.Ordinal)) (properties.ReplyTo, properties.CorrelationId, properties.Type, properties.ContentType) = ("no\naddress", new string('c', 250), "System.Diagnostics.Process, System", "a\n/b");
        var body = what == "a body larger than is received" ? new string('x', 200_001) : "whatever";

        await foreign.PublishAsync("brook.brook", "0", body, properties);
        await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token);

        Assert.Equal(1, await node.View.GetAsync(Steps.Last, "a", Token));
        var moved = await foreign.TakeAsync("brook_error");
        Assert.Equal(body, Encoding.UTF8.GetString(moved.Body.Span));
        var reason = Foreign.Header(moved, "Brook-Error");
        Assert.StartsWith(body.Length > 100 ? "It is over a limit: it has 200,001 bytes, and 200,000 are taken (MaxReceivedBytes)." : "Its Brook-Version is '2'", reason, StringComparison.Ordinal);
        Assert.Equal(what.StartsWith("as many", StringComparison.Ordinal), reason.Contains("of its headers had no room", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_message_without_an_id_is_moved_with_the_reason()
    {
        var host = await broker.NewHostAsync();
        await using var node = await Node.StartAsync(host, brook => brook.UseShared(new InMemoryViewStore()).Count());
        await using var foreign = await Foreign.ConnectAsync(host);

        await foreign.PublishAsync("brook.brook", "0", "{}", new BasicProperties { MessageId = "no guid", Headers = new Dictionary<string, object?> { ["Brook-Version"] = "1", ["Brook-Partitions"] = "1" } });

        Assert.StartsWith("It has no message id, so it could not be recognised when it comes again.", Foreign.Header(await foreign.TakeAsync("brook_error"), "Brook-Error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ordinary_message_larger_than_is_received_is_moved_unread_and_its_endpoint_goes_on()
    {
        var host = await broker.NewHostAsync();
        await using var node = await Node.StartAsync(host, brook =>
        {
            (brook.Options.MaxEventBytes, brook.Options.MaxReceivedBytes) = (100_000, 200_000);
            brook.UseShared(new InMemoryViewStore()).Consume<Submitted>("submitted", m => m.OrderId).On<Submitted>("submitted", e => Merge(Orders, e.Data.OrderId, sum => sum + e.Data.Number));
        });
        await using var foreign = await Foreign.ConnectAsync(host);

        await foreign.PublishAsync("", "brook.submitted", new string(' ', 200_001), new BasicProperties { ContentType = "application/json" });
        await node.Bus.Publish(new Submitted("a", 2), Token);

        await Steps.UntilAsync(() => node.View.GetAsync(Orders, "a", Token), sum => sum == 2);
        Assert.StartsWith("It is over a limit: it has 200,001 bytes", Foreign.Header(await foreign.TakeAsync("brook_error"), "Brook-Error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Raw_JSON_and_envelopes_are_events_and_the_rest_goes_to_the_one_error_queue()
    {
        var host = await broker.NewHostAsync();
        await using var node = await Node.StartAsync(host, brook => brook.UseShared(new InMemoryViewStore()).Consume<Submitted>("submitted", m => m.OrderId).On<Submitted>("submitted", e => Merge(Orders, e.Data.OrderId, sum => sum + e.Data.Number)));
        await using var foreign = await Foreign.ConnectAsync(host);
        var id = Guid.NewGuid().ToString();

        for (var i = 0; i < 2; i++) await foreign.PublishAsync("", "brook.submitted", """{"orderId":"raw","number":1}""", new BasicProperties { ContentType = "application/json", MessageId = id });
        await node.Bus.Publish(new Submitted("envelope", 2), Token);
        await foreign.PublishAsync("", "brook.submitted", "{", new BasicProperties { ContentType = "application/json", MessageId = id });

        await Steps.UntilAsync(async () => (await node.View.GetAsync(Orders, "raw", Token), await node.View.GetAsync(Orders, "envelope", Token)), sums => sums == (1, 2));
        var moved = await foreign.TakeAsync("brook_error");
        Assert.Equal(("{", id), (Encoding.UTF8.GetString(moved.Body.Span), moved.BasicProperties.MessageId));
        Assert.Contains("SerializationException", Foreign.Header(moved, "Brook-Error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_inbox_sends_foreign_messages_on_in_order_by_key_and_once()
    {
        var host = await broker.NewHostAsync();
        var store = new InMemoryViewStore();
        void Setup(BrookBuilder brook) => brook.UseShared(store).Stream("stream", 4).Inbox<Submitted>("submitted", m => m.OrderId).On<Submitted>("submitted", e => Merge(Orders, e.Key!, last =>
            e.Data.Number == last + 1 ? e.Data.Number : throw new InvalidOperationException($"{e.Data.Number} came after {last}")));
        await using var one = await Node.StartAsync(host, Setup);
        await using var two = await Node.StartAsync(host, Setup);
        await using var foreign = await Foreign.ConnectAsync(host);
        var stopping = Task.CompletedTask;

        for (var number = 1; number <= 50; number++)
        {
            if (number == 25) stopping = one.StopAsync();       // in the middle: the other node goes on
            for (var order = 0; order < 4; order++)
                for (var again = 0; again < 2; again++)
                    await foreign.PublishAsync("", "brook.submitted.inbox", $$"""{"orderId":"o{{order}}","number":{{number}}}""", new BasicProperties { ContentType = "application/json", MessageId = new Guid(order, 0, 0, BitConverter.GetBytes((long)number)).ToString() });
        }
        await stopping.WithDeadline();

        for (var order = 0; order < 4; order++) await Steps.UntilAsync(() => two.View.GetAsync(Orders, $"o{order}", Token), last => last == 50);
        Assert.Equal(0, await two.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task What_an_inbox_cannot_read_does_not_block_it_even_where_nothing_else_is()
    {
        var host = await broker.NewHostAsync();
        await using var view = await Node.StartAsync(host, brook => brook.UseShared(new InMemoryViewStore()).Stream("stream").On<Submitted>("submitted", e => Create(Orders, e.Key!, e.Data.Number)));
        await using var inbox = await Node.StartAsync(host, brook => brook.Stream("stream").Inbox<Submitted>("submitted", m => m.OrderId).SendOnly());
        await using var foreign = await Foreign.ConnectAsync(host);

        await foreign.PublishAsync("", "brook.submitted.inbox", "{", new BasicProperties { ContentType = "application/json" });
        await foreign.PublishAsync("", "brook.submitted.inbox", """{"orderId":"a","number":1}""", new BasicProperties { ContentType = "application/json" });

        await Steps.UntilAsync(() => view.View.GetAsync(Orders, "a", Token), number => number == 1);
        Assert.Equal("{", Encoding.UTF8.GetString((await foreign.TakeAsync("brook_error")).Body.Span));
    }

    [Fact]
    public async Task A_message_of_another_number_of_partitions_halts_the_lane_and_says_so()
    {
        var host = await broker.NewHostAsync();
        await using var node = await Node.StartAsync(host, brook => brook.UseShared(new InMemoryViewStore()).Stream("stream", 2).Count());
        await using var other = await Node.StartAsync(host, brook => brook.Stream("stream", 1).SendOnly());

        await other.Brook.SendAsync(Steps.Of("a", 1), Token);

        await Steps.UntilAsync(() => node.Lanes.Halted.Any());
        Assert.Equal("a message of stream 'stream' was sent for 1 partitions, and this instance reads 2, so order per key cannot be kept. Give every service of the stream the same number with brook.Stream(\"stream\", partitions: 1)", Assert.Single(node.Lanes.Halted));
    }
}

/// <summary>A connection of the client library's own.</summary>
internal sealed class Foreign(IConnection connection, IChannel channel) : IAsyncDisposable
{
    public static async Task<Foreign> ConnectAsync(Uri host)
    {
        var connection = await new ConnectionFactory { Uri = host }.CreateConnectionAsync(TestContext.Current.CancellationToken);
        return new Foreign(connection, await connection.CreateChannelAsync(new CreateChannelOptions(true, true), TestContext.Current.CancellationToken));
    }

    public ValueTask PublishAsync(string exchange, string key, string body, BasicProperties properties) => channel.BasicPublishAsync(exchange, key, mandatory: true, properties, Encoding.UTF8.GetBytes(body), TestContext.Current.CancellationToken);

    public async Task<BasicGetResult> TakeAsync(string queue)
    {
        BasicGetResult? found = null;
        await Steps.UntilAsync(async () => (found = await channel.BasicGetAsync(queue, autoAck: true, TestContext.Current.CancellationToken)) is not null, there => there);
        return found!;
    }

    public static string Header(BasicGetResult message, string name) => message.BasicProperties.Headers!.TryGetValue(name, out var value) ? value is byte[] bytes ? Encoding.UTF8.GetString(bytes) : $"{value}" : "";

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
