using System.Collections.Concurrent;
using System.Globalization;
using Brook.Lanes;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>
/// Ordinary messages as events of one instance. Each endpoint is a lane of its own whose message ids several nodes share. Deliveries that come side by side
/// are committed together: whoever finds the lane free takes along all that wait.
/// </summary>
internal sealed class MessageFeed(BrookEngine engine, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Endpoint> _endpoints = new();

    /// <summary>Ends when the message is in the view, known already, or set aside.</summary>
    public Task TakeAsync<TMessage>(ConsumeContext<TMessage> context) where TMessage : class
    {
        var name = context.ReceiveContext.InputAddress.AbsolutePath.Split('/')[^1];
        return _endpoints.GetOrAdd(name, static (name, engine) => new Endpoint(engine, name), engine).TakeAsync(Envelope(context, name), context.CancellationToken);
    }

    private EventEnvelope Envelope<TMessage>(ConsumeContext<TMessage> context, string endpoint) where TMessage : class
    {
        var sent = context.SentTime is { } at ? new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) : time.GetUtcNow();
        var id = context.MessageId ?? NewId.NextGuid();
        return new()
        {
            Id = id, Type = engine.TypeOf<TMessage>(), Author = context.Host?.ProcessName ?? context.SourceAddress?.Host ?? "", CreatedAt = sent, SentAt = sent,
            Headers = Headers(context), Message = context.Message, Position = new EventPosition(endpoint, 0, id),
        };
    }

    private static Dictionary<string, string>? Headers(ConsumeContext context)
    {
        Dictionary<string, string>? headers = null;
        if (context.CorrelationId is { } correlation) (headers ??= [])[BrookEvent.CorrelationHeader] = correlation.ToString();
        foreach (var header in context.Headers.GetAll())
            if (header.Value is string or IFormattable) (headers ??= []).TryAdd(header.Key, Convert.ToString(header.Value, CultureInfo.InvariantCulture) ?? "");
        if (context.ReceiveContext.TransportHeaders.TryGetHeader("MT-Activity-Id", out var trace) && trace is string parent) (headers ??= []).TryAdd(BrookEvent.TraceHeader, parent);
        return headers;
    }

    private sealed class Endpoint(BrookEngine engine, string name)
    {
        private readonly Lock _lock = new();
        private List<(EventEnvelope Event, TaskCompletionSource Done)> _waiting = [];
        private Lane? _lane;
        private bool _busy;

        public async Task TakeAsync(EventEnvelope e, CancellationToken cancellationToken)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            bool mine;
            lock (_lock)
            {
                _waiting.Add((e, done));
                (mine, _busy) = (!_busy, true);
            }
            while (mine) mine = await ProcessWaitingAsync(cancellationToken).ConfigureAwait(false);
            await done.Task.ConfigureAwait(false);
        }

        /// <summary>True: more came meanwhile.</summary>
        private async Task<bool> ProcessWaitingAsync(CancellationToken cancellationToken)
        {
            List<(EventEnvelope Event, TaskCompletionSource Done)> batch;
            lock (_lock) (batch, _waiting) = (_waiting, []);
            try
            {
                _lane ??= await engine.OpenLaneAsync(name, LaneGuard.SharedMessageIds, cancellationToken).ConfigureAwait(false);
                await _lane.ProcessAsync(batch.ConvertAll(waiting => waiting.Event).ToArray(), cancellationToken).ConfigureAwait(false);
                foreach (var (_, done) in batch) done.TrySetResult();
            }
            catch (Exception error)
            {
                foreach (var (_, done) in batch) done.TrySetException(error);       // each delivery answers for itself: not acknowledged
            }
            lock (_lock) return _busy = _waiting.Count > 0;
        }
    }
}
