namespace Brook.Lanes;

/// <summary>What Brook asks of a transport. Implement it, and call <see cref="BrookEngine.OpenLaneAsync(string, LaneGuard, CancellationToken)"/> and <see cref="Lane.ProcessAsync"/>; nothing else. Thread safe.</summary>
public interface IBrookTransport
{
    /// <summary>
    /// Ends when the transport has the events durably, or knows that it has not. The order of calls is the order in each partition, also of calls that must
    /// wait for the start or for room. It takes what it needs from the envelopes before it first awaits: their memory is reused after the call returned its task.
    /// </summary>
    /// <param name="events">What to send, with <see cref="EventEnvelope.Record"/> set.</param>
    /// <param name="fromHandlers">Events of the outbox: they are taken while the host stops, and never wait for room.</param>
    /// <param name="cancellationToken">Ends the wait; the events may be sent all the same.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken);

    /// <summary>Whether applied events are told to other nodes.</summary>
    bool ForwardsToOtherNodes { get; }

    /// <summary>Tells every other node of the instance, at most once.</summary>
    ValueTask ForwardAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken);

    /// <summary>
    /// Asks the source what it has for the instance, whoever reads it: for health and metrics, every few seconds at most. By default nothing is known.
    /// </summary>
    /// <exception cref="Exception">The source does not answer; neither does it when this takes more than five seconds.</exception>
    ValueTask<SourceStatus> LookAtSourceAsync(CancellationToken cancellationToken) => new(SourceStatus.Unknown);
}

/// <summary>What became of a send.</summary>
/// <param name="Spans">Where the sent events are.</param>
/// <param name="NotSent">Indexes of the events that were not sent, or may not have been; empty when all were.</param>
/// <param name="Error">Why not; null when all were sent.</param>
public readonly record struct SendOutcome(IReadOnlyList<ReceiptSpan> Spans, IReadOnlyList<int> NotSent, Exception? Error);

/// <summary>What makes an event of a lane happen once.</summary>
public enum LaneGuard
{
    /// <summary>One owner at a time; the ids of the lane's last messages, kept with the view, recognise redeliveries.</summary>
    MessageIds,

    /// <summary>One owner at a time; the next offset, kept with the view, which decides where to resume.</summary>
    Offsets,

    /// <summary>Several consumers share the endpoint; each message id is checked in the store.</summary>
    SharedMessageIds,
}

/// <summary>What the offsets of a lane count in.</summary>
/// <param name="Id">Tells the source from another of its name (a topic's id); kept with the view, and compared when the lane is opened. Null: not known.</param>
/// <param name="FirstOffset">Where a lane that was never read begins. Asked once; the answer is kept with the view.</param>
public sealed record LaneSource(string? Id, Func<CancellationToken, ValueTask<long>> FirstOffset)
{
    internal static readonly LaneSource FromZero = new(null, static _ => new(0L));
}

/// <summary>How a batch ended.</summary>
public enum BatchOutcome
{
    /// <summary>Every event of the batch is in the view, known already, or set aside durably: acknowledge.</summary>
    Committed,

    /// <summary>Another owner claimed the lane: drop it, acknowledge nothing.</summary>
    Fenced,

    /// <summary>The view stands elsewhere (rewound, or ahead): go on from <see cref="Lane.NextOffset"/>.</summary>
    Moved,
}

/// <summary>What became of a batch, for the transport.</summary>
/// <param name="Outcome">Whether to acknowledge.</param>
/// <param name="Applied">Events that changed the view or sent events.</param>
/// <param name="Discarded">Events that changed nothing.</param>
/// <param name="Duplicates">Events applied before.</param>
/// <param name="SetAside">Events that failed, or stand behind a failed one.</param>
public readonly record struct BatchResult(BatchOutcome Outcome, int Applied, int Discarded, int Duplicates, int SetAside)
{
    internal BatchResult Plus(BatchResult other) => new(other.Outcome, Applied + other.Applied, Discarded + other.Discarded, Duplicates + other.Duplicates, SetAside + other.SetAside);
}
