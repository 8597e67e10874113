namespace Brook.Lanes;

/// <summary>Which lanes are open here, for those who wait for an event before its lane is.</summary>
internal sealed class LaneDirectory
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskCompletionSource<Lane>> _lanes = [];

    public void Opened(Lane lane)
    {
        lock (_lock)
        {
            if (!Entry(lane.Name).TrySetResult(lane))
            {
                _lanes.Remove(lane.Name);
                Entry(lane.Name).SetResult(lane);
            }
        }
    }

    public async Task<WaitResult> WaitAsync(ReceiptSpan span, CancellationToken cancellationToken)
    {
        Task<Lane> opened;
        lock (_lock) opened = Entry(span.Lane).Task;
        var lane = await opened.WaitAsync(cancellationToken).ConfigureAwait(false);
        return await lane.Progress.WaitAsync(span, cancellationToken).ConfigureAwait(false);
    }

    private TaskCompletionSource<Lane> Entry(string lane)
    {
        if (!_lanes.TryGetValue(lane, out var entry)) _lanes[lane] = entry = new(TaskCreationOptions.RunContinuationsAsynchronously);
        return entry;
    }
}
