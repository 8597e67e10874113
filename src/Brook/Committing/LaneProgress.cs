using Brook.Lanes;

namespace Brook;

/// <summary>
/// Who waits for events of one lane, and how far the lane is. The only part of a lane that other threads look at. It stays while the lane is open here or somebody waits, over owners in this
/// process and elsewhere: the lane's own commits answer, and a <see cref="LaneFollower"/> where another process has the lane.
/// </summary>
internal sealed class LaneProgress(BrookEngine engine, string lane)
{
    private readonly Lock _lock = new();
    private readonly List<Waiter> _waiting = [];
    private LaneAnswers? _own, _followed;
    private LaneFollower? _follower;
    private int _holders;                                       // -1: over, there is another one of this name or none

    /// <summary>The lane's name.</summary>
    public string Lane => lane;

    /// <summary>False: it is over; take the one that there is now.</summary>
    public bool TryHold()
    {
        for (var holders = Volatile.Read(ref _holders); holders >= 0;)
        {
            var seen = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (seen == holders) return true;
            holders = seen;
        }
        return false;
    }

    /// <summary>True: nobody holds it any more, and nobody can.</summary>
    public bool Release() => Interlocked.Decrement(ref _holders) == 0 && Interlocked.CompareExchange(ref _holders, -1, 0) == 0;

    /// <summary>The lane is open in this process: from now on its own commits say what became of a span. They are asked under the lock.</summary>
    public void Opened(LaneAnswers own) => Advance((Progress: this, own), static change => change.Progress._own = change.own);

    /// <summary>It is open no more. What it knew may be out of date from now on, so it is not asked any more.</summary>
    public void Closed(LaneAnswers own)
    {
        lock (_lock)
        {
            if (_own != own) return;                            // another one was opened meanwhile
            _own = null;
            if (_waiting.Count > 0) Follow();
        }
    }

    /// <summary>Changes what the lane's own answers rest on, then wakes who waited for them.</summary>
    public void Advance<TState>(TState state, Action<TState> apply)
    {
        lock (_lock)
        {
            apply(state);
            Wake(_own);
        }
    }

    /// <summary>The same for what was read of a lane that another process has.</summary>
    public void Followed(LaneAnswers followed, Action apply)
    {
        lock (_lock)
        {
            apply();
            _followed = followed;
            Wake(followed);
        }
    }

    /// <summary>Ends with the answer, or with cancellation. The spans of a lane are in order, so the last one done is all done.</summary>
    public async Task<WaitResult> WaitAsync(IReadOnlyList<ReceiptSpan> spans, CancellationToken cancellationToken)
    {
        var waiter = new Waiter(spans);
        lock (_lock)
        {
            if (_own is { } own && own.IsDone(spans[^1])) return own.Answer(spans);
            if (_followed is { } followed && followed.IsDone(spans[^1]) && followed.Answer(spans) == WaitResult.Applied) return WaitResult.Applied;      // what was set aside may have been released: looked at again
            _waiting.Add(waiter);
            Follow();
        }
        try
        {
            return await waiter.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (!waiter.Done.Task.IsCompleted)
                lock (_lock) _waiting.Remove(waiter);
        }
    }

    /// <summary>Which process has the lane as far as this one knows: the epoch it claimed the lane with; null: it is not open here.</summary>
    public long? OwnEpoch
    {
        get { lock (_lock) return _own?.Epoch(); }
    }

    /// <summary>Who waits longest; null: nobody does.</summary>
    public object? Oldest
    {
        get { lock (_lock) return _waiting.Count == 0 ? null : _waiting[0]; }
    }

    /// <summary>All that is waited for.</summary>
    public ReceiptSpan[] Spans
    {
        get { lock (_lock) return [.. _waiting.SelectMany(waiter => waiter.Spans)]; }
    }

    /// <summary>Ends following, unless somebody waits.</summary>
    public bool TryEnd()
    {
        lock (_lock)
        {
            if (_waiting.Count > 0) return false;
            (_follower, _followed) = (null, null);
            return true;
        }
    }

    /// <summary>One follower per lane, however many wait.</summary>
    private void Follow()
    {
        if (_follower is null) (_follower = new LaneFollower(engine, this)).Start();
        else if (_own is null || _follower.FollowsStore) _follower.Signal();
    }

    private void Wake(LaneAnswers? answers)
    {
        if (answers is null) return;
        for (var i = _waiting.Count - 1; i >= 0; i--)
        {
            if (!answers.IsDone(_waiting[i].Spans[^1])) continue;
            _waiting[i].Done.TrySetResult(answers.Answer(_waiting[i].Spans));
            _waiting.RemoveAt(i);
        }
    }

    private sealed class Waiter(IReadOnlyList<ReceiptSpan> spans)
    {
        public IReadOnlyList<ReceiptSpan> Spans => spans;

        public TaskCompletionSource<WaitResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>What somebody knows of a lane.</summary>
/// <param name="IsDone">All events of the span are in the view, set aside or known.</param>
/// <param name="IsSetAside">At least one of them is set aside.</param>
/// <param name="Epoch">Whose time it is about.</param>
internal sealed record LaneAnswers(Func<ReceiptSpan, bool> IsDone, Func<ReceiptSpan, bool> IsSetAside, Func<long> Epoch)
{
    public WaitResult Answer(IReadOnlyList<ReceiptSpan> spans) => spans.Any(IsSetAside) ? WaitResult.SetAside : WaitResult.Applied;
}
