using Brook.Lanes;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>What the view must be: the events one by one, each a batch of its own, nothing in the way. Which events stand behind a failed one is found out here, not by the engine.</summary>
internal static class CleanFold
{
    public static async Task<ViewImage> OfAsync(IReadOnlyList<ChaosEvent> events, Action<BrookBuilder> configure, IReadOnlySet<string> without, DateTimeOffset now, CallLimit limit, CancellationToken cancellationToken)
    {
        var clock = new ChaosClock(now);
        var node = ChaosNode.Start(configure, new InMemoryViewStore(clock), clock, limit, new Poison(events, once: false));
        await using (node)
        {
            var lane = await node.OpenAsync(0, cancellationToken);
            var (held, behind, ids) = (new HashSet<string>(), new HashSet<Guid>(), new HashSet<Guid>());
            foreach (var e in events)
            {
                if (!ids.Add(e.Id)) continue;
                if (e.Key is not null && held.Contains(e.Key)) behind.Add(e.Id);
                else if ((await lane.ProcessAsync(new[] { EventEnvelope.Read(e.Record, new(lane.Name, lane.NextOffset), DateTimeOffset.UnixEpoch) }, cancellationToken)).SetAside > 0 && e.Key is not null) held.Add(e.Key);
            }
            var image = await ViewImage.ReadAsync(node, events, without, cancellationToken);
            image.AddBehind(events, behind);
            return image;
        }
    }
}
