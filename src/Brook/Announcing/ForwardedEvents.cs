using Brook.Lanes;

namespace Brook;

/// <summary>Runs handlers on events that another node has applied. Each sees the others' changes of the same event, then all are forgotten. Follows Brook's forwarded events.</summary>
internal sealed class ForwardedEvents(BrookEngine engine)
{
    public async ValueTask HandleAsync(EventEnvelope raw, CancellationToken cancellationToken)
    {
        try
        {
            if (raw.Error is { } error) throw new BrookException(Names.OneLine(error, Names.MaxReason));
            if (EventLimits.Over(in raw, engine.Options.ReceiveLimit) is { } over) throw new BrookException($"The event is over a limit: {over}.");
            var context = new LaneContext(engine, raw.Position.Lane ?? "forward");
            var type = engine.Types.Find(raw.Type, out _);
            var decoded = type.Decode(in raw, engine.Serializer);
            var e = decoded.Stamped(decoded.Id, decoded.HasCallersId, decoded.Author, decoded.CreatedAt, decoded.Headers, forwarded: true);
            context.Batch.Start(new[] { raw }, default);
            (context.Batch[0].Event, context.Batch[0].Type) = (e, type);
            foreach (var step in type.Steps) await RunAsync(step, e, context, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.ForwardedFailed(engine.Logger, engine.DisplayName, Names.Show(raw.Type), e);
        }
    }

    private static async ValueTask RunAsync(HandlerStep step, BrookEvent e, LaneContext lane, CancellationToken cancellationToken)
    {
        Changes changes;
        if (step.Pure is { } handle)
        {
            changes = handle(e);
        }
        else
        {
            if (await lane.View.FoldAsync(cancellationToken).ConfigureAwait(false) is { } failure) throw failure.Error;
            using var timeout = new CancellationTokenSource(lane.Options.HandlerTimeout, lane.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
            var context = new HandlerContext(lane.Engine.Name, 1, isReplay: false, lane.View);
            try { changes = await step.Reading!(e, context, either.Token).AsTask().WaitAsync(either.Token).ConfigureAwait(false); }
            finally { context.End(); }
        }
        lane.View.Stage(lane.Batch, 0, in changes);
    }
}
