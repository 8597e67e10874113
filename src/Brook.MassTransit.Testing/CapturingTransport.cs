using Brook.Lanes;

namespace Brook.MassTransit.Testing;

/// <summary>The instance's transport, with an eye on what goes through.</summary>
internal sealed class CapturingTransport(IBrookTransport inner) : IBrookTransport
{
    private readonly Lock _lock = new();
    private readonly List<SentEvent> _sent = [];

    public IReadOnlyList<SentEvent> Sent
    {
        get
        {
            lock (_lock) return [.. _sent];
        }
    }

    public bool ForwardsToOtherNodes => inner.ForwardsToOtherNodes;

    public ValueTask ForwardAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken) => inner.ForwardAsync(events, cancellationToken);

    public ValueTask<SourceStatus> LookAtSourceAsync(CancellationToken cancellationToken) => inner.LookAtSourceAsync(cancellationToken);

    public ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken)
    {
        lock (_lock)
            foreach (ref readonly var e in events.Span)
                _sent.Add(new SentEvent(e.Id, e.Type, e.Key, e.Author ?? "", e.CreatedAt, e.Headers ?? new Dictionary<string, string>(), e.Record.ToArray()));
        return inner.SendAsync(events, fromHandlers, cancellationToken);
    }
}
