namespace Brook.Lanes;

/// <summary>What a lane is at, for those who look from outside: the lane writes a few fields, a timer and the status read them. A synchronous handler that hangs is seen by nothing else.</summary>
internal sealed class LaneWatch(TimeProvider time)
{
    private readonly Lock _looking = new();
    private long _steps, _oldest;
    private volatile bool _isBusy;
    private volatile string? _at, _failure;
    private long _seen = -1, _since;            // of those who look

    /// <summary>Nothing but looked at since the lane was opened.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>It has events at work, or fails on them again and again.</summary>
    public bool IsBusy => _isBusy || _failure is not null;

    /// <summary>Handlers of this event type run; null: it reads or writes the store.</summary>
    public string? EventType => _isBusy ? _at : null;

    /// <summary>What it fails with, and no event is to blame for; null: it does not.</summary>
    public string? Failure => _failure;

    /// <summary>When the first event at work was sent; null: none is, or nobody knows.</summary>
    public DateTimeOffset? Oldest => IsBusy && Volatile.Read(ref _oldest) is var ticks && ticks > DateTimeOffset.UnixEpoch.Ticks ? new(ticks, TimeSpan.Zero) : null;

    /// <summary>The log has said that it is stalled.</summary>
    public bool IsTold { get; set; }

    public void Begins(in EventEnvelope first)
    {
        Volatile.Write(ref _oldest, first.SentAt.UtcTicks);
        (_at, _isBusy) = (null, true);
        _steps++;
    }

    public void Handles(string type)
    {
        _at = type;
        _steps++;
    }

    public void Commits()
    {
        _at = null;
        _steps++;
    }

    public void Ends()
    {
        (_isBusy, _failure) = (false, null);
        _steps++;
    }

    public void Fails(Exception error) => (_isBusy, _failure) = (false, error.Message);

    public void Stops() => (_isBusy, _failure) = (false, null);

    /// <summary>How long it has something at work and takes no step; as exact as it is looked at often.</summary>
    public TimeSpan Still()
    {
        lock (_looking)
        {
            var steps = Steps;
            if (IsBusy && (steps == _seen || _failure is not null)) return time.GetElapsedTime(_since);
            (_seen, _since) = (steps, time.GetTimestamp());
            return TimeSpan.Zero;
        }
    }
}
