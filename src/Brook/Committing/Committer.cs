using Brook.Lanes;

namespace Brook;

/// <summary>Makes one checked multi-write of all a batch does, and says what to do when the store refuses it.</summary>
internal sealed class Committer(LaneContext lane, Guard guard, Failures failures, ISetAside parked, Outbox outbox)
{
    /// <summary>Null: go round again; the view, or what is known of the lane, has changed. Else the batch is over.</summary>
    public async ValueTask<BatchOutcome?> CommitAsync(CancellationToken cancellationToken)
    {
        var batch = lane.Batch;
        batch.Commit.Restart();
        batch.Arena.Reset();
        var next = guard.State with { Parked = guard.State.Parked + parked.Staged, Sent = guard.State.Sent + batch.Sends.Count };
        if (!guard.AddTo(next))                                 // all is known: nothing to write
        {
            lane.View.Committed(batch.Commit.Version);
            return BatchOutcome.Committed;
        }
        var guards = batch.Commit.Entries.Length;
        if (!lane.View.AddTo(batch, lane.Time.GetUtcNow())) return null;
        parked.AddTo(guard.State.Parked);
        if (outbox.AddTo(guard.State.Sent) is var (index, error))
        {
            failures.SetAside(index, error);                    // serializing it again would not help
            return null;
        }
        lane.Watch.Commits();
        var began = Telemetry.CommitBegins();
        var result = await lane.Store.CommitAsync(batch.Commit, cancellationToken).ConfigureAwait(false);
        Telemetry.Committed(lane.Engine.DisplayName, began, result.IsCommitted);
        if (result.IsCommitted)
        {
            lane.View.Committed(batch.Commit.Version);
            guard.Committed();
            outbox.Committed();
            return BatchOutcome.Committed;
        }
        batch.Conflicts++;
        Telemetry.Conflict(lane.Engine.DisplayName);
        foreach (var conflict in result.Conflicts)
        {
            var entry = batch.Commit.Entries[conflict.Index].Entry;
            var outcome = BatchOutcome.Committed;
            if (conflict.Index < guards) outcome = await guard.ConflictAsync(conflict, cancellationToken).ConfigureAwait(false);
            else if (entry.Collection is ParkedRow.Collection or RetryGuard.Collection) outcome = await parked.ConflictAsync(entry, conflict.Current, cancellationToken).ConfigureAwait(false);
            else lane.View.Refresh(entry, conflict.Current);
            if (outcome == BatchOutcome.Committed) continue;
            lane.View.Discard();
            return outcome;
        }
        RestartWhatLooked();
        return null;
    }

    /// <summary>Handlers that read the view, failed events, and whatever comes after either are handled again; a pure handler's changes stand.</summary>
    private void RestartWhatLooked()
    {
        var batch = lane.Batch;
        for (var i = 0; i < batch.Count; i++)
        {
            ref readonly var item = ref batch[i];
            var looked = item.Outcome switch
            {
                Outcome.Pending => item.Reads || parked.Holds(item.Key),
                Outcome.Failed => !item.IsRefused,
                Outcome.Behind => true,                         // what it stands behind may have been applied elsewhere, or released
                _ => false,
            };
            if (!looked) continue;
            lane.RestartFrom(i, revive: true);
            return;
        }
    }
}
