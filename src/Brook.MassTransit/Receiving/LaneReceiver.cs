using System.Globalization;
using Brook.Lanes;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>
/// What every transport's lanes have in common: messages go along the path of an event (Brook.Lanes.Lane), and are done when their events are in the view. A
/// handler's failure never comes here: such an event is set aside by the lane, and the others of its message are not moved. Not thread safe.
/// </summary>
internal sealed class LaneReceiver(BrookEngine engine, StreamOptions stream, int partition, ErrorQueue errors, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);
    private readonly EventLines _lines = new();

    public string Name { get; } = WireContract.Lane(stream.Stream, partition);

    public int Partition => partition;

    public Task<Lane> OpenAsync(CancellationToken cancellationToken) => engine.OpenLaneAsync(Name, LaneGuard.MessageIds, cancellationToken).AsTask();

    /// <summary>Takes messages in order, until they may be acknowledged. What keeps them from it is tried again every second.</summary>
    /// <returns>False: another owner has claimed the lane; acknowledge nothing.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; acknowledge nothing.</exception>
    public async ValueTask<bool> ReceiveAsync(Lane lane, ReadOnlyMemory<StreamDelivery> messages, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (await TryReceiveAsync(lane, messages, cancellationToken).ConfigureAwait(false) is var outcome && outcome == BatchOutcome.Committed) return true;
                Log.LaneLost(logger, stream.Instance, Name, outcome);
                return false;
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                Log.LaneFails(logger, stream.Instance, Name, attempt, error);       // nothing a handler does comes here; moving the message would lose it
                await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                _lines.Clear();
            }
        }
    }

    private async ValueTask<BatchOutcome> TryReceiveAsync(Lane lane, ReadOnlyMemory<StreamDelivery> messages, CancellationToken cancellationToken)
    {
        List<(StreamDelivery Message, string Reason)>? unreadable = null;
        string? halt = null;
        for (var i = 0; i < messages.Length && halt is null; i++)
        {
            ref readonly var message = ref messages.Span[i];
            if (Unreadable(in message) is { } reason) (unreadable ??= []).Add((message, reason));
            else if (message.Headers.Partitions != stream.Partitions) halt = OtherPartitions(message.Headers);
            else if (!_lines.TryAdd(message.Body, Name, message.MessageId!.Value, message.Headers.SentAt)) (unreadable ??= []).Add((message, TooMany()));
        }
        var result = await lane.ProcessAsync(_lines.Events, cancellationToken).ConfigureAwait(false);
        if (result.Outcome != BatchOutcome.Committed) return result.Outcome;
        foreach (var (message, reason) in unreadable ?? []) await errors.MoveAsync(message, Name, reason, cancellationToken).ConfigureAwait(false);
        if (halt is not null) await lane.HaltAsync(halt, cancellationToken).ConfigureAwait(false);
        return result.Outcome;
    }

    private static string TooMany() => string.Create(CultureInfo.InvariantCulture, $"It has more than {EventLines.MaxEvents:N0} events, so Brook did not send it. Send them with IBrook, or in smaller messages.");

    private string? Unreadable(in StreamDelivery message)
    {
        if (message.Headers.Version is null) return $"It has no {WireContract.VersionHeader} header, so Brook did not send it (content type {Names.Show(message.ContentType?.ToString())}). Send events with IBrook, or take ordinary messages with brook.Consume<T>().";
        if (message.Headers.Version != WireContract.Version) return $"Its {WireContract.VersionHeader} is '{Names.Show(message.Headers.Version)}'; this version of Brook reads '{WireContract.Version}'. Update this service, then move the message back.";
        if (message.Headers.Partitions == 0) return $"Its {WireContract.PartitionsHeader} is no number, so it cannot be told whether this lane is its place. Brook sets that header: correct the sender.";
        if (EventLimits.OverBytes(message.Body.Length, engine.Options.ReceiveLimit) is { } over) return $"It is over a limit: {over}. Send a reference to what is large, or raise the limit and move the message back.";
        return message.MessageId is null ? "It has no message id, so it could not be recognised when it comes again." : null;
    }

    private string OtherPartitions(StreamHeaders headers) => string.Create(CultureInfo.InvariantCulture,
        $"a message of stream '{stream.Stream}' was sent for {headers.Partitions} partitions, and this instance reads {stream.Partitions}, so order per key cannot be kept. Give every service of the stream the same number with brook.Stream(\"{stream.Stream}\", partitions: {headers.Partitions})");
}
