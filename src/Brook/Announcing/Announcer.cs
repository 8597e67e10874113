using Brook.Lanes;

namespace Brook;

/// <summary>Tells other nodes that a batch is in the view. Who waits for an event was woken by the commit itself, and the outbox sends on a task of its own.</summary>
internal sealed class Announcer(LaneContext lane)
{
    public async ValueTask AnnounceAsync(CancellationToken cancellationToken)
    {
        if (lane.Engine.Transport is not { ForwardsToOtherNodes: true } transport) return;
        var handled = new List<EventEnvelope>();
        for (var i = 0; i < lane.Batch.Count; i++)
            if (lane.Batch[i].Outcome == Outcome.Pending) handled.Add(EventWriter.WithRecord(in lane.Batch.Raw.Span[i], lane.Batch[i].Event!, lane.Engine.Serializer));
        if (handled.Count == 0) return;
        try
        {
            await transport.ForwardAsync(handled.ToArray(), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.NotForwarded(lane.Logger, lane.Name, handled.Count, e);     // one attempt, as Brook's dispatcher
        }
    }
}
