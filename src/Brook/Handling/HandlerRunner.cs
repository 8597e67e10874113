using Brook.Lanes;

namespace Brook;

/// <summary>Hands each event to its handlers, in registration order; each sees what was staged before it. A handler that throws fails its event alone.</summary>
internal sealed class HandlerRunner(LaneContext lane, Folder folder, Failures failures, bool mayCut)
{
    private bool _hangs;                    // the last failure was a handler given up

    public async ValueTask HandleAsync(CancellationToken cancellationToken)
    {
        var batch = lane.Batch;
        _hangs = false;
        while (batch.Cursor < batch.Count)
        {
            var i = batch.Cursor++;
            if (batch[i].Outcome != Outcome.Pending || batch[i].Handled) continue;
            if (lane.Parked.Holds(batch[i].Key) || batch.StandsBehindFailed(i)) batch[i].Outcome = Outcome.Behind;
            else if (await FailsAsync(i, cancellationToken).ConfigureAwait(false) is { } error)
            {
                (var hangs, _hangs) = (_hangs, false);
                lane.View.Unstage(batch, i, i);
                batch.Cursor = Math.Min(batch.Cursor, i);
                if (hangs && MayCut(i) && batch[i].Attempts + 1 < lane.MaxAttempts)
                {
                    lane.TriedBefore = batch[i].Attempts + 1;
                    batch.Cut(i);                               // what stands before it need not wait for it again
                    continue;
                }
                if (hangs && i == 0 && MayCut(1))
                {
                    lane.TriedBefore = batch[1].Attempts;
                    batch.Cut(1);                               // nor what stands behind it
                }
                await failures.FailedAsync(i, error, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Whether the batch may end before the event: within a message only where it is known how far that one is done.</summary>
    private bool MayCut(int index) => index > 0 && index < lane.Batch.Count && (mayCut || lane.Batch.Raw.Span[index].Position.MessageId != lane.Batch.Raw.Span[index - 1].Position.MessageId);

    /// <summary>Runs the steps of one event; null when they ran. When an earlier event had to be handled again meanwhile, this one comes again too.</summary>
    private async ValueTask<Exception?> FailsAsync(int index, CancellationToken cancellationToken)
    {
        var batch = lane.Batch;
        using var activity = Traces.StartHandling(batch[index].Event!);
        lane.Watch.Handles(batch[index].Event!.Type);
        var (type, handler, began) = (batch[index].Type!, "", 0L);
        try
        {
            foreach (var step in type.Steps)
            {
                (handler, began) = (step.Name, Telemetry.HandlerBegins());
                if (step.Pure is { } handle) lane.View.Stage(batch, index, handle(batch[index].Event!));
                else if (!await ReadAndHandleAsync(step, index, cancellationToken).ConfigureAwait(false)) return null;
                Telemetry.Handled(lane, type, handler, began, null);
            }
            batch[index].Handled = true;
            return null;
        }
        catch (Exception e)
        {
            cancellationToken.ThrowIfCancellationRequested();   // whatever a handler makes of it: the host stops, and that is no failure
            Telemetry.Handled(lane, type, handler, began, e);
            return e is NullReferenceException && batch[index].Event!.Data is null ? new BrookException($"The event's data is null, and its handler met that: {e.Message} Check for null in the handler, or do not send null.", e) : e;
        }
    }

    /// <summary>False: the event must be handled again, and not because it failed.</summary>
    private async ValueTask<bool> ReadAndHandleAsync(HandlerStep step, int index, CancellationToken cancellationToken)
    {
        var batch = lane.Batch;
        await folder.FoldAsync(cancellationToken).ConfigureAwait(false);    // what it reads is what the events before it made
        if (batch[index].Outcome != Outcome.Pending || batch.Cursor <= index)
        {
            lane.View.Unstage(batch, index, index);
            batch.Cursor = Math.Min(batch.Cursor, index);
            return false;
        }
        batch[index].Reads = true;
        var outages = lane.Store.Outages;
        var context = new HandlerContext(lane.Engine.Name, batch[index].TriedBefore + batch[index].Attempts + batch.Conflicts + 1, batch[index].IsReplay, lane.View);
        lane.View.Reader = context;
        using var timeout = new CancellationTokenSource(lane.Options.HandlerTimeout, lane.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        var handling = step.Reading!(batch[index].Event!, context, either.Token);
        try
        {
            var changes = handling.IsCompleted ? await handling.ConfigureAwait(false) : await handling.AsTask().WaitAsync(either.Token).ConfigureAwait(false);
            lane.View.Stage(batch, index, in changes);
            return true;
        }
        catch (Exception e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            lane.AbandonView();
            if (lane.Store.Outages != outages || lane.Store.IsAway) return false;   // it waited for the store: not its failure
            _hangs = true;
            throw new TimeoutException($"{step.Name} took longer than HandlerTimeout ({lane.Options.HandlerTimeout}) and was abandoned. Make it faster, or raise the timeout.", e);
        }
        finally
        {
            context.End();
            lane.View.Reader = null;
        }
    }
}
