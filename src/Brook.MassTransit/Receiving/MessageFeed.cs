using System.Collections.Concurrent;
using System.Globalization;
using Brook.Lanes;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>
/// Ordinary messages as events of one instance. Each endpoint is a lane of its own: with a broker several nodes share its message ids, in one process it has
/// one owner as any lane. Deliveries that come side by side are committed together: whoever finds the lane free takes along all that wait.
/// </summary>
internal sealed class MessageFeed(BrookEngine engine, LaneGuard guard, TimeProvider time, CancellationToken stopped)
{
    private const string Reader = "feed";
    private readonly ConcurrentDictionary<Uri, FeedLane> _lanes = new();
    private readonly HashSet<string> _counted = [];         // endpoints whose messages are counted when they are published
    private readonly BrookEngine _engine = engine;
    private readonly LaneGuard _guard = guard;
    private readonly CancellationToken _stopped = stopped;

    /// <summary>Messages on their way: published in this process, or being handled.</summary>
    public StreamBacklog Backlog { get; } = new();

    /// <summary>On a bus in this process: what is published for these endpoints is counted, so that a stop knows what it must wait for.</summary>
    public void Count(IBus bus, IReadOnlyList<(Type Message, string Endpoint)> endpoints)
    {
        Backlog.Read(Reader);
        foreach (var (_, endpoint) in endpoints) _counted.Add(endpoint);
        if (endpoints.Count > 0) bus.ConnectPublishObserver(new PublishedMessages([.. endpoints.Select(endpoint => endpoint.Message)], Backlog));
    }

    /// <summary>Ends when the message is in the view, known already, or set aside.</summary>
    public async Task TakeAsync<TMessage>(ConsumeContext<TMessage> context) where TMessage : class
    {
        var lane = _lanes.GetOrAdd(context.ReceiveContext.InputAddress, static (address, feed) => new FeedLane(feed._engine, address.AbsolutePath.Split('/')[^1], feed._guard, feed._stopped), this);
        if (!_counted.Contains(lane.Name)) Backlog.Sent(1);
        try { await lane.TakeAsync(Envelope(context, lane.Name), context.CancellationToken).ConfigureAwait(false); }
        finally { Backlog.Handled(Reader, 1); }
    }

    private EventEnvelope Envelope<TMessage>(ConsumeContext<TMessage> context, string lane) where TMessage : class
    {
        var sent = context.SentTime is { } at ? new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) : time.GetUtcNow();
        var id = context.MessageId ?? NewId.NextGuid();
        return new()
        {
            Id = id, Type = _engine.TypeOf<TMessage>(), Author = context.Host?.ProcessName ?? context.SourceAddress?.Host ?? "", CreatedAt = sent, SentAt = sent,
            Headers = HeadersOf(context), Message = context.Message, Position = new EventPosition(lane, 0, id),
        };
    }

    private static Dictionary<string, string>? HeadersOf(ConsumeContext context)
    {
        Dictionary<string, string>? headers = null;
        if (context.CorrelationId is { } correlation) (headers ??= [])[BrookEvent.CorrelationHeader] = correlation.ToString();
        foreach (var header in context.Headers)
            if (header.Value is string or IFormattable) (headers ??= []).TryAdd(header.Key, Convert.ToString(header.Value, CultureInfo.InvariantCulture) ?? "");
        if (context.ReceiveContext.TransportHeaders.TryGetHeader("MT-Activity-Id", out var trace) && trace is string parent) (headers ??= []).TryAdd(BrookEvent.TraceHeader, parent);
        return headers;
    }
}
