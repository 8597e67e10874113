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
    public const string Reader = "feed";
    private readonly ConcurrentDictionary<Uri, FeedLane> _lanes = new();
    private readonly BrookEngine _engine = engine;
    private readonly LaneGuard _guard = guard;
    private readonly CancellationToken _stopped = stopped;

    /// <summary>Messages that are being handled.</summary>
    public StreamBacklog Backlog { get; } = new();

    /// <summary>Ends when the message is in the view, known already, or set aside.</summary>
    public async Task TakeAsync<TMessage>(ConsumeContext<TMessage> context) where TMessage : class
    {
        var lane = _lanes.GetOrAdd(context.ReceiveContext.InputAddress, static (address, feed) => new FeedLane(feed._engine, address.AbsolutePath.Split('/')[^1], feed._guard, feed._stopped), this);
        Backlog.Sent(1);
        try { await lane.TakeAsync(Envelope(context, lane.Name), context.CancellationToken).ConfigureAwait(false); }
        finally { Backlog.Handled(Reader, 1); }
    }

    private EventEnvelope Envelope<TMessage>(ConsumeContext<TMessage> context, string lane) where TMessage : class
    {
        var sent = SentAtOf(context) ?? time.GetUtcNow();
        var id = context.MessageId ?? NewId.NextGuid();
        return new()
        {
            Id = id, Type = _engine.TypeOf<TMessage>(), Author = AuthorOf(context), CreatedAt = sent, SentAt = sent,
            Headers = HeadersOf(context), Message = context.Message, Position = new EventPosition(lane, 0, id),
        };
    }

    internal static DateTimeOffset? SentAtOf(ConsumeContext context) => context.SentTime is { } at ? new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) : null;

    internal static string AuthorOf(ConsumeContext context) => context.Host?.ProcessName ?? context.SourceAddress?.Host ?? "";

    internal static Dictionary<string, string>? HeadersOf(ConsumeContext context)
    {
        Dictionary<string, string>? headers = null;
        if (context.CorrelationId is { } correlation) (headers ??= [])[BrookEvent.CorrelationHeader] = correlation.ToString();
        foreach (var header in context.Headers)
            if (header.Value is string or IFormattable) (headers ??= []).TryAdd(header.Key, Convert.ToString(header.Value, CultureInfo.InvariantCulture) ?? "");
        if (context.ReceiveContext.TransportHeaders.TryGetHeader("MT-Activity-Id", out var trace) && trace is string parent) (headers ??= []).TryAdd(BrookEvent.TraceHeader, parent);
        return headers;
    }
}
