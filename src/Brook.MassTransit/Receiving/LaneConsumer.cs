using System.Globalization;
using Brook.Lanes;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>
/// The consumer of one lane: a message's events go along the path of an event (Brook.Lanes.Lane), and the message is acknowledged when they are in the view.
/// It never throws for a handler's failure: such an event is set aside by the lane, and the others of its message are not moved.
/// </summary>
internal sealed class LaneConsumer(BrookEngine engine, StreamOptions stream, int partition, StreamBacklog backlog, ErrorQueue errors, ILogger logger, CancellationToken stopped) : IConsumer<StreamMessage>
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);
    private readonly EventLines _lines = new();
    private readonly string _name = WireContract.Lane(stream.Stream, partition);
    private readonly Lock _lock = new();
    private Task<Lane>? _lane;

    /// <summary>Why the lane stands still; null: it does not.</summary>
    public string? Halted => _lane is { IsCompletedSuccessfully: true } lane ? lane.GetAwaiter().GetResult().Halted : null;

    /// <summary>Opens the lane, once; what an earlier run left in its outbox leaves now.</summary>
    public Task<Lane> OpenAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_lane is null or { IsFaulted: true } or { IsCanceled: true }) _lane = engine.OpenLaneAsync(_name, LaneGuard.MessageIds, cancellationToken).AsTask();
            return _lane;
        }
    }

    public async Task Consume(ConsumeContext<StreamMessage> context)
    {
        var cancellationToken = stopped.CanBeCanceled ? stopped : context.CancellationToken;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ConsumeAsync(context, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException) when (stopped.IsCancellationRequested)
            {
                return;                                         // the queue ends with the process; what is left was said
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                Log.LaneFails(logger, stream.Instance, _name, attempt, error);      // nothing a handler does comes here; moving the message would lose it
                await Task.Delay(s_pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            finally
            {
                _lines.Clear();
            }
        }
    }

    private async Task ConsumeAsync(ConsumeContext<StreamMessage> context, CancellationToken cancellationToken)
    {
        var lane = await OpenAsync(cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
        var headers = StreamHeaders.Read(context.ReceiveContext.TransportHeaders);
        var events = _lines.Read(context.Message.Lines, _name, context.MessageId ?? default, headers.SentAt);
        if (Unreadable(context, headers) is { } reason)
        {
            await errors.MoveAsync(context, reason, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            if (headers.Partitions != stream.Partitions) await lane.HaltAsync(OtherPartitions(headers), cancellationToken).ConfigureAwait(false);
            await ProcessAsync(lane, events, cancellationToken).ConfigureAwait(false);
        }
        backlog.Handled(stream.Instance, headers.Count);            // as it was counted when it was sent
    }

    private async Task ProcessAsync(Lane lane, ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken)
    {
        while ((await lane.ProcessAsync(events, cancellationToken).ConfigureAwait(false)).Outcome is not BatchOutcome.Committed and var lost)
        {
            Log.LaneLost(logger, stream.Instance, _name, lost);
            await lane.DisposeAsync().ConfigureAwait(false);
            lock (_lock) _lane = null;
            lane = await OpenAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static string? Unreadable(ConsumeContext context, StreamHeaders headers)
    {
        if (headers.Version is null) return $"It has no {WireContract.VersionHeader} header, so Brook did not send it (content type {context.ReceiveContext.ContentType}). Send events with IBrook, or take ordinary messages with brook.Consume<T>().";
        if (headers.Version != WireContract.Version) return $"Its {WireContract.VersionHeader} is '{headers.Version}'; this version of Brook reads '{WireContract.Version}'. Update this service, then move the message back.";
        return context.MessageId is null ? "It has no message id, so it could not be recognised when it comes again." : null;
    }

    private string OtherPartitions(StreamHeaders headers) => string.Create(CultureInfo.InvariantCulture,
        $"a message of stream '{stream.Stream}' was sent for {headers.Partitions} partitions, and this instance reads {stream.Partitions}, so order per key cannot be kept. Give every service of the stream the same number with brook.Stream(\"{stream.Stream}\", partitions: {headers.Partitions})");
}
