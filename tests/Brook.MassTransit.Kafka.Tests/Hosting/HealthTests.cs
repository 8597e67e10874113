using Brook.KafkaServers;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Kafka.Tests.Hosting;

public sealed class HealthTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_bus_is_well_while_the_broker_answers_and_says_so_when_it_does_not()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore());
        Assert.Equal(BusHealthStatus.Healthy, Endpoint(node).Status);

        topic.Cluster.BrokerDown(1);
        await Steps.UntilAsync(() => Endpoint(node).Status == BusHealthStatus.Unhealthy);
        topic.Cluster.BrokerUp(1);

        await Steps.UntilAsync(() => Endpoint(node).Status == BusHealthStatus.Healthy);
    }

    [Fact]
    public async Task A_group_that_may_not_be_joined_is_said_until_it_may()
    {
        using var topic = new Topic();
        foreach (var api in new[] { KafkaApi.FindCoordinator, KafkaApi.ConsumerGroupHeartbeat }) topic.Cluster.PushErrors(api, [.. Enumerable.Repeat((int)Confluent.Kafka.ErrorCode.GroupAuthorizationFailed, 500)]);
        await using var node = Node.Create(brook => Node.OnKafka(brook.UseShared(new InMemoryViewStore()), topic.Servers));
        var starting = node.StartAsync(Token);

        await Steps.UntilAsync(() => Endpoint(node).Exception?.Message.Contains("Group authorization failed", StringComparison.OrdinalIgnoreCase) == true);
        foreach (var api in new[] { KafkaApi.FindCoordinator, KafkaApi.ConsumerGroupHeartbeat }) topic.Cluster.ClearErrors(api);

        await starting.WithDeadline();
        await Steps.UntilAsync(() => Endpoint(node).Status == BusHealthStatus.Healthy);
    }

    [Fact]
    public async Task A_topic_that_is_missing_is_said_while_others_are_read()
    {
        using var topic = new Topic();
        await using var node = Node.Create(brook => Node.OnKafka(brook.UseShared(new InMemoryViewStore()), topic.Servers, kafka: kafka => kafka.Topic("missing")));
        var starting = node.StartAsync(Token);
        await topic.StepsAsync("a", 1, 20);
        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 20);

        await Steps.UntilAsync(() => Endpoint(node).Exception?.Message == "the broker has no topic 'missing': create it, or correct the name");
        topic.Cluster.CreateTopic("missing", 1);

        await starting.WithDeadline();
        Assert.Equal(BusHealthStatus.Healthy, Endpoint(node).Status);
    }

    [Fact]
    public async Task A_broker_that_is_not_there_at_the_start_is_named_and_waited_for()
    {
        using var topic = new Topic();
        topic.Cluster.BrokerDown(1);
        await using var node = Node.Create(brook => Node.OnKafka(brook.UseShared(new InMemoryViewStore()), topic.Servers));

        var starting = node.StartAsync(Token);
        await Steps.UntilAsync(() => node.Logs.GetSnapshot().Any(log => log.Message.Contains($"no broker answers at {topic.Servers}", StringComparison.Ordinal)));
        Assert.False(starting.IsCompleted);
        topic.Cluster.BrokerUp(1);

        await starting.WithDeadline();
        Assert.Equal(WaitResult.Applied, await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token));
    }

    [Fact]
    public async Task MassTransits_observers_hear_of_each_batch()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore());
        var observer = new Observer();
        using var connected = node.Bus.ConnectReceiveObserver(observer);

        await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token);

        await Steps.UntilAsync(() => observer.Received == 1);
        Assert.Equal("stream/0", observer.Lane);
    }

    [Fact]
    public async Task A_view_in_memory_that_processes_would_share_is_refused()
    {
        using var cluster = new MockKafkaCluster();
        await using var node = Node.Create(brook => Node.OnKafka(brook, cluster.BootstrapServers));

        var error = await Assert.ThrowsAsync<BrookException>(() => node.StartAsync(Token));

        Assert.StartsWith("Brook instance 'brook' keeps its view in memory, and its events are on a broker: with several processes each would have a part of the view.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_reads_without_a_group_is_told_why_it_needs_a_name()
    {
        await using var node = Node.Create(brook => brook.UseShared(new InMemoryViewStore()).Count().UseKafka("127.0.0.1:1", kafka => kafka.Topic("stream")));

        var error = await Assert.ThrowsAsync<BrookException>(() => node.StartAsync(Token));

        Assert.Equal("Brook instance 'brook' reads Kafka without a group's name. Name it after the view: kafka.Group(\"orders-view\"). Processes with one group share the events, so a name that another service has would take events away from it.", error.Message);
    }

    [Fact]
    public async Task A_lane_that_the_engine_holds_is_the_endpoints_health_too()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(topic.Servers, new InMemoryViewStore(), brook =>
        {
            brook.Count();
            brook.Options.UnknownEvents = UnknownEventPolicy.Fail;
        });

        await topic.WriteAsync("a", """{"type":"nobody:knows","data":1}""");

        await Steps.UntilAsync(() => Endpoint(node).Status == BusHealthStatus.Unhealthy);
        Assert.Contains("nobody:knows", Endpoint(node).Exception!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_view_in_memory_of_each_process_has_all_of_the_topic()
    {
        using var topic = new Topic(partitions: 4);
        for (var partition = 0; partition < 4; partition++) await topic.StepsAsync($"k{partition}", 1, 5, partition);

        await using var one = await Node.StartAsync(brook => Node.OnKafka(brook.UseInMemory(perNode: true), topic.Servers));
        await using var two = await Node.StartAsync(brook => Node.OnKafka(brook.UseInMemory(perNode: true), topic.Servers));

        foreach (var node in new[] { one, two })
            for (var partition = 0; partition < 4; partition++) await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, $"k{partition}", Token), last => last == 5);
    }

    [Fact]
    public async Task Ordinary_messages_of_the_bus_and_the_inbox_go_on_beside_it()
    {
        using var topic = new Topic();
        await using var node = await Node.StartAsync(brook =>
        {
            Node.OnKafka(brook.UseShared(new InMemoryViewStore()), topic.Servers);
            brook.Inbox<Posted>("posted", posted => posted.Id).On<Posted>("posted", e => Change.Create(Steps.Last, e.Key!, e.Data.Number));
        });

        await node.Services.GetRequiredService<IBus>().Publish(new Posted("p", 3), Token);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "p", Token), last => last == 3);
    }

    private static EndpointHealthResult Endpoint(Node node) => node.Bus.CheckHealth().Endpoints.SingleOrDefault(endpoint => endpoint.Key.Contains("kafka", StringComparison.Ordinal)).Value;

    private sealed class Observer : IReceiveObserver
    {
        private int _received;

        public int Received => Volatile.Read(ref _received);

        public string? Lane { get; private set; }

        public Task PreReceive(ReceiveContext context)
        {
            Lane = context.TransportHeaders.Get<string>("Brook-Lane");
            return Task.CompletedTask;
        }

        public Task PostReceive(ReceiveContext context)
        {
            Interlocked.Increment(ref _received);
            return Task.CompletedTask;
        }

        public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType) where T : class => Task.CompletedTask;

        public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception) where T : class => Task.CompletedTask;

        public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;
    }
}

public sealed record Posted(string Id, int Number);
