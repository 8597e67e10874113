using Brook.Lanes;

namespace Brook;

/// <summary>What becomes of an event that fails: it is tried again after a pause, then set aside, and later events of its key behind it.</summary>
internal sealed class Failures(LaneContext lane)
{
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);

    /// <summary>An attempt failed. Its changes must be unstaged already, or be folded again as they are.</summary>
    public async ValueTask FailedAsync(int index, Exception error, CancellationToken cancellationToken)
    {
        var attempts = ++lane.Batch[index].Attempts;
        var isFinal = lane.Options.IsFinal(error);
        if (isFinal || attempts >= lane.MaxAttempts)
        {
            lane.Batch[index].Rule = isFinal ? RetryRule.ByHand : RetryRule.Automatic;
            SetAside(index, error);
            return;
        }
        Log.AttemptFailed(lane.Logger, lane.Engine.DisplayName, Names.Show(lane.Batch[index].Event!.Type), lane.Batch.Raw.Span[index].Position, attempts, lane.MaxAttempts, error.GetType().Name);
        await Task.Delay(Backoff.After(attempts, lane.Options.RetryDelay, MaxDelay), lane.Time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The event is given up: whatever it or the ones behind it staged is taken back, and who has read that is handled again.</summary>
    public void SetAside(int index, Exception error)
    {
        var batch = lane.Batch;
        batch.Fail(index, error);
        lane.View.Unstage(batch, index, index);
        for (var i = index + 1; i < batch.Count; i++)
        {
            ref var later = ref batch[i];
            if (!(later.Outcome == Outcome.Pending || (later.Outcome == Outcome.Failed && !later.IsRefused)) || !batch.StandsBehindFailed(i)) continue;
            (later.Outcome, later.Error, later.Attempts, later.Rule) = (Outcome.Behind, null, 0, RetryRule.Automatic);       // had this one failed before, it would never have been handled
            lane.View.Unstage(batch, i, i);
        }
        if (batch.FirstReader(index + 1) is >= 0 and var reader) lane.RestartFrom(reader, revive: false);
    }
}
