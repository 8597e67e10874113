using System.Collections.Concurrent;
using Brook.Lanes;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Tests.Support;

/// <summary>A transport that keeps what it was given.</summary>
internal sealed class FakeTransport : IBrookTransport
{
    public ConcurrentQueue<EventEnvelope> Sent { get; } = [];
    public ConcurrentQueue<EventEnvelope> Forwarded { get; } = [];

    /// <summary>Before the events are taken: throwing here is a send that failed.</summary>
    public Func<Task> Sending { get; set; } = () => Task.CompletedTask;
    public Func<Task> Forwarding { get; set; } = () => Task.CompletedTask;

    /// <summary>What its source says.</summary>
    public Func<ValueTask<SourceStatus>> Looking { get; set; } = static () => new(SourceStatus.Unknown);

    public ValueTask<SourceStatus> LookAtSourceAsync(CancellationToken cancellationToken) => Looking();

    public bool ForwardsToOtherNodes { get; init; }

    public async ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken)
    {
        var copies = events.ToArray().Select(e => EventEnvelope.Read(e.Record.ToArray(), e.Position, e.SentAt)).ToArray();
        await Sending().WaitAsync(cancellationToken);
        foreach (var e in copies) Sent.Enqueue(e);
        return new([], [], null);
    }

    public async ValueTask ForwardAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken)
    {
        var copies = events.ToArray();
        await Forwarding().WaitAsync(cancellationToken);
        foreach (var e in copies) Forwarded.Enqueue(e);
    }

    /// <summary>For <see cref="TestLane.OpenAsync"/>.</summary>
    public Action<IServiceCollection> Register => services => services.AddKeyedSingleton<IBrookTransport>("", this);
}
