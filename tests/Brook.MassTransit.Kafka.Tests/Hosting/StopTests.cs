using Brook.MassTransit.Kafka.Tests.Support;
using Brook.Storage;

namespace Brook.MassTransit.Kafka.Tests.Hosting;

public sealed class StopTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Answered from within the client's close, a revocation may find the group ended, and waits for ever (librdkafka 2.16): once in several stops of bench/faults' rebalance.</summary>
    [Fact]
    public async Task Partitions_that_the_group_takes_away_while_a_batch_is_finished_are_given_back_before_the_client_closes()
    {
        using var topic = new Topic(partitions: 2);
        using var gate = new ManualResetEventSlim();
        var (store, entered) = (new InMemoryViewStore(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var first = Node.Create(brook => Node.OnKafka(brook.UseShared(store), topic.Servers, b => b.On<Step>("step", e =>
        {
            entered.TrySetResult();
            gate.Wait(Token);
            return Change.Merge(Steps.Last, e.Key!, _ => e.Data.Number);
        }), Classic));
        await first.StartAsync(Token);
        await topic.StepsAsync("a", 1, 1);
        await entered.Task.WithDeadline();

        var stopping = first.StopAsync();
        await using var second = Node.Create(brook => Node.OnKafka(brook.UseShared(store), topic.Servers, kafka: Classic));
        var starting = second.StartAsync(Token);
        await Steps.UntilAsync(() => Logs().Exists(log => log.Contains("delegating revoke", StringComparison.Ordinal)));
        gate.Set();

        await stopping.WithDeadline();
        Assert.InRange(Logs().FindLastIndex(log => log.Contains("is another process's from now on", StringComparison.Ordinal)), 0, Logs().FindIndex(log => log.EndsWith("Closing consumer", StringComparison.Ordinal)));
        await starting.WithDeadline();
        await Steps.UntilAsync(() => second.View.GetAsync(Steps.Last, "a", Token), last => last == 1);

        List<string> Logs() => [.. first.Logs.GetSnapshot().Select(log => log.Message)];
    }

    private static void Classic(KafkaBuilder kafka) => kafka.Fast(Rebalancing.Eager).Consumer(consumer => (consumer.GroupProtocol, consumer.Debug) = (global::Confluent.Kafka.GroupProtocol.Classic, "cgrp"));
}
