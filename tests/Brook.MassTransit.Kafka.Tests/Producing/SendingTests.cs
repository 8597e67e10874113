using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using Confluent.Kafka;
using Node = Brook.MassTransit.Kafka.Tests.Support.Node;

namespace Brook.MassTransit.Kafka.Tests.Producing;

public sealed class SendingTests
{
    private const short Produce = 0;
    private readonly InMemoryViewStore _store = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_receipt_says_where_the_events_are()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store);

        var one = await node.Brook.SendAsync(Steps.Of("a", 1), Token);
        var more = await node.Brook.SendManyAsync([Steps.Of("a", 2), Steps.Of("a", 3), Steps.Of("a", 4)], Token);

        Assert.Equal([new ReceiptSpan("stream/0", default, 0, 0)], one.Spans);
        Assert.Equal([new ReceiptSpan("stream/0", default, 1, 3)], more.Spans);
        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(more, cancellationToken: Token));
    }

    [Fact]
    public async Task Keys_go_to_the_partitions_that_Kafka_gives_them()
    {
        using var topic = new Topic(partitions: 8);
        await using var node = await Node.StartAsync(topic.Servers, _store);

        foreach (var key in new[] { "a", "order-17", "ключ", "" })
        {
            if (key.Length == 0) continue;
            var receipt = await node.Brook.SendAsync(Steps.Of(key, 1), Token);
            Assert.Equal($"stream/{Partitioning.Of(key, 8)}", receipt.Spans[0].Lane);
        }
    }

    [Fact]
    public async Task While_the_broker_is_away_a_send_waits_and_its_caller_may_give_up()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store);
        topic.Cluster.BrokerDown(1);

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var waiting = node.Brook.SendAsync(Steps.Of("a", 1), Token).AsTask();
        var givenUp = node.Brook.SendAsync(Steps.Of("b", 1), patience.Token).AsTask();
        await patience.CancelAsync();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp.WithDeadline());
        Assert.Equal("The send was cancelled while it was under way: the event may have been sent. An event whose id the caller set (BrookEvent.Id) can be sent again and is applied once.", cancelled.Message);
        topic.Cluster.BrokerUp(1);
        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(await waiting.WithDeadline(), cancellationToken: Token));
    }

    [Fact]
    public async Task What_is_not_confirmed_in_time_may_have_been_sent_and_the_error_says_so()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store, kafka: kafka => kafka.Producer(producer => producer.MessageTimeoutMs = 300));
        topic.Cluster.BrokerDown(1);

        var error = await Assert.ThrowsAnyAsync<BrookException>(() => node.Brook.SendAsync(Steps.Of("a", 1), Token).AsTask().WithDeadline());

        Assert.Contains("has not confirmed the event in time (message.timeout.ms)", error.Message, StringComparison.Ordinal);
        Assert.Contains("It may have been sent", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsTransient);
    }

    [Fact]
    public async Task A_user_without_rights_is_told_which_one_is_missing()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store);
        topic.Cluster.PushErrors(Produce, (int)ErrorCode.TopicAuthorizationFailed);

        var error = await Assert.ThrowsAnyAsync<BrookException>(() => node.Brook.SendAsync(Steps.Of("a", 1), Token).AsTask().WithDeadline());

        Assert.Contains("This user may not write to topic 'stream'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Give it the right WRITE on the topic.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_that_is_too_large_for_the_topic_fails_alone()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(brook =>
        {
            Node.OnKafka(brook.UseShared(_store), topic.Servers, b => b.On<string>("text", _ => Change.Discard).Count());
            brook.Options.MaxEventBytes = 2_000_000;
        });

        var error = await Assert.ThrowsAnyAsync<BrookException>(() => node.Brook.SendAsync("text", new string('x', 1_500_000), cancellationToken: Token).AsTask().WithDeadline());

        Assert.Matches(@"The event has 1,500,\d\d\d bytes, more than the client \(message\.max\.bytes\) or topic 'stream' \(max\.message\.bytes\) takes; it was not sent\.", error.Message);
        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token));
    }

    [Fact]
    public async Task Errors_that_pass_are_repeated_and_keep_the_order()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, _store);
        topic.Cluster.PushErrors(Produce, (int)ErrorCode.NotLeaderForPartition, (int)ErrorCode.RequestTimedOut, (int)ErrorCode.NotEnoughReplicas);

        await Task.WhenAll(Enumerable.Range(1, 200).Select(number => node.Brook.SendAsync(Steps.Of("a", number), Token).AsTask())).WithDeadline();

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 200);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }

    [Fact]
    public async Task Sends_before_the_start_wait_for_it_in_their_order()
    {
        using var topic = new Topic();
        await using var node = Node.Create(brook => Node.OnKafka(brook.UseShared(_store), topic.Servers));

        var early = Enumerable.Range(1, 50).Select(number => node.Brook.SendAsync(Steps.Of("a", number), Token).AsTask()).ToArray();
        await node.StartAsync(Token);

        await Task.WhenAll(early).WithDeadline();
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 50);
    }

    [Fact]
    public async Task A_send_that_was_cancelled_before_the_start_sends_nothing()
    {
        using var topic = new Topic();
        await using var node = Node.Create(brook => Node.OnKafka(brook.UseShared(_store), topic.Servers));
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);

        var early = node.Brook.SendAsync(Steps.Of("a", 7), patience.Token).AsTask();
        await patience.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => early.WithDeadline());
        await node.StartAsync(Token);
        await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("b", 1), Token), cancellationToken: Token);

        Assert.Equal("The send was cancelled before the Kafka client had anything of it, so nothing was sent.", cancelled.Message);
        Assert.Equal(0, await node.Parked.CountAsync(Token));
    }
}
