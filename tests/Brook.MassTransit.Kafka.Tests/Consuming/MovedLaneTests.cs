using System.Text;
using System.Text.Json.Nodes;
using Brook.Lanes;
using Brook.MassTransit.Kafka.Tests.Support;
using Brook.MassTransit.Testing;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Kafka.Tests.Consuming;

/// <summary>What docs/kafka.md says to do about a lane that stands still.</summary>
public sealed class MovedLaneTests
{
    private readonly InMemoryViewStore _store = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lane_that_is_moved_over_a_gap_goes_on_there_when_its_process_is_started_again()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 5);
        await using (var first = await StartAsync(topic)) await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, "a", Token), last => last == 5);
        await topic.StepsAsync("a", 6, 20);
        topic.Cluster.DeleteRecords("stream", 0, 10);
        await using (var held = await StartAsync(topic))
        {
            await Steps.UntilAsync(() => held.Reader.Halted.Count == 1);
            Assert.True(await MoveAsync(held.Services, next: 10, isAnotherTopic: false));
        }

        await using var node = await StartAsync(topic);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "a", Token), last => last == 20);
    }

    [Fact]
    public async Task A_lane_may_be_given_the_topic_that_was_made_anew()
    {
        using var topic = new Topic();
        await topic.StepsAsync("a", 1, 5);
        await using (var first = await StartAsync(topic)) await Steps.UntilAsync(() => first.View.GetAsync(Steps.Last, "a", Token), last => last == 5);
        topic.Cluster.DeleteTopic("stream");
        topic.Cluster.CreateTopic("stream", 1);
        await topic.StepsAsync("b", 1, 3);
        await using (var held = await StartAsync(topic))
        {
            await Steps.UntilAsync(() => held.Reader.Halted.Count == 1);
            Assert.True(await MoveAsync(held.Services, next: 0, isAnotherTopic: true));
        }

        await using var node = await StartAsync(topic);

        await Steps.UntilAsync(() => node.View.GetAsync(Steps.Last, "b", Token), last => last == 3);
        Assert.Equal(5, await node.View.GetAsync(Steps.Last, "a", Token));
    }

    private Task<Node> StartAsync(Topic topic) => Node.StartAsync(topic.Servers, _store, brook => brook.On<Step>("step", e => Change.Create(Steps.Last, e.Key!, e.Data.Number)));

    private static async Task<bool> MoveAsync(IServiceProvider services, long next, bool isAnotherTopic)
    {
        var store = services.GetRequiredKeyedService<BrookEngine>("").Store;
        var entry = new EntryKey("$lanes", "stream/0");
        var found = (await store.ReadAsync(new[] { entry }, Token))[0];
        var lane = JsonNode.Parse(found.Value.Span)!.AsObject();
        lane["next"] = next;
        if (isAnotherTopic) lane.Remove("source");
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(entry, EntryAction.Put, found.Version, Encoding.UTF8.GetBytes(lane.ToJsonString())));
        return (await store.CommitAsync(commit, Token)).IsCommitted;
    }
}
