namespace Brook;

/// <summary>How an instance is: asked of its source and its store, not of what it believes itself. Thread safe. docs/health.md says what each state means and what to do.</summary>
public interface IBrookStatus
{
    /// <summary>
    /// Asks the transport what its source still has, and the store whether it is there; callers at the same time share one answer. Ends within about five seconds:
    /// who does not answer is lost, and that is an answer. Never throws for what is wrong.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<BrookStatus> GetAsync(CancellationToken cancellationToken = default);
}

/// <summary>How an instance or a lane is, from best to worst: the instance is as its worst lane.</summary>
public enum BrookState
{
    /// <summary>The view has what the source has, or nearly (<see cref="BrookOptions.LaggingEvents"/>, <see cref="BrookOptions.LaggingAge"/>).</summary>
    Live,

    /// <summary>Other processes read the lane, or all lanes of the instance (or nothing has come that would tell): this one is well, and takes over when they go.</summary>
    Standby,

    /// <summary>More events are set aside than <see cref="BrookOptions.ToleratedParkedEvents"/>.</summary>
    Parked,

    /// <summary>Since it was opened here the lane has not been near the end of its source yet: the view is behind.</summary>
    CatchingUp,

    /// <summary>It was near the end of its source, and has fallen behind.</summary>
    Lagging,

    /// <summary>Not ready: the transport has not started, or the lane is not open yet.</summary>
    Starting,

    /// <summary>Something waits, and nothing has happened for <see cref="BrookOptions.StalledAfter"/>: a handler that hangs, a consumer that is given nothing, a lane that nobody reads.</summary>
    Stalled,

    /// <summary>The lane stands still until somebody acts; the reason says why.</summary>
    Halted,

    /// <summary>The source does not answer.</summary>
    BrokerLost,

    /// <summary>The store does not answer, or refuses.</summary>
    StoreLost,
}

/// <summary>How an instance was when it was asked. Immutable.</summary>
public sealed class BrookStatus
{
    internal BrookStatus() { }

    /// <summary>The instance's name; <c>brook</c> for the default one.</summary>
    public string Instance { get; internal init; } = "";

    /// <summary>The worst of what was found.</summary>
    public BrookState State { get; internal init; }

    /// <summary>What was found, worst first: what happened, the value seen, what to do.</summary>
    public string Reason { get; internal init; } = "";

    /// <summary>When the instance was first seen in this state.</summary>
    public DateTimeOffset Since { get; internal init; }

    /// <summary>The lanes that the transport and this process know of, in the order of their names.</summary>
    public IReadOnlyList<LaneStatus> Lanes { get; internal init; } = [];

    /// <summary>Sum of what the lanes of this process are behind; null: not known for any of them.</summary>
    public long? Behind { get; internal init; }

    /// <summary>Age of the oldest event that a lane of this process has at work; null: none has one.</summary>
    public TimeSpan? OldestAge { get; internal init; }

    /// <summary>Events that are set aside, in the store, whoever did it; null: the store does not say.</summary>
    public long? Parked { get; internal init; }

    /// <summary>Events that handlers of this process have sent and the transport does not have yet.</summary>
    public long InOutbox { get; internal init; }
}

/// <summary>How a lane was when its instance was asked. Immutable.</summary>
public sealed class LaneStatus
{
    internal LaneStatus() { }

    /// <summary>stream/partition; for ordinary messages the endpoint's name.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>What was found.</summary>
    public BrookState State { get; internal init; }

    /// <summary>What was found: what happened, the value seen, what to do.</summary>
    public string Reason { get; internal init; } = "";

    /// <summary>When the lane was first seen in this state.</summary>
    public DateTimeOffset Since { get; internal init; }

    /// <summary>This process reads it, or is the one to.</summary>
    public bool IsHere { get; internal init; }

    /// <summary>What the source still has for the view; null: the source does not say.</summary>
    public long? Behind { get; internal init; }

    /// <summary><see cref="Behind"/> counts messages, which may hold several events each: a RabbitMQ queue knows no more.</summary>
    public bool CountsMessages { get; internal init; }

    /// <summary>Age of the oldest event at work, by when it was sent: everything before it is in the view. Null: none is at work, or its message does not say.</summary>
    public TimeSpan? OldestAge { get; internal init; }

    /// <summary>How long nothing has happened while something waited; zero when nothing waits or it goes on.</summary>
    public TimeSpan WithoutProgress { get; internal init; }
}
