using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using Brook.Lanes;
using MassTransit;
using MassTransit.Transports;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>Sends to the instance's stream: envelopes in, messages out, one sender per partition.</summary>
internal sealed class StreamTransport : IBrookTransport
{
    private readonly StreamOptions _stream;
    private readonly BrookOptions _options;
    private readonly StreamBacklog _backlog;
    private readonly StreamGate _gate;
    private readonly TimeProvider _time;
    private readonly PartitionSender[] _partitions;
    private readonly string[] _lanes;
    private readonly ILogger _logger;
    private IStreamTopology? _topology;
    private IBusInstance? _bus;
    private ISendEndpoint? _events, _forward;

    public StreamTransport(StreamOptions stream, BrookOptions options, StreamBacklog backlog, StreamGate gate, TimeProvider time, ILogger logger)
    {
        (_stream, _options, _backlog, _gate, _time, _logger) = (stream, options, backlog, gate, time, logger);
        _lanes = [.. Enumerable.Range(0, stream.Partitions).Select(partition => WireContract.Lane(stream.Stream, partition))];
        _partitions = [.. Enumerable.Range(0, stream.Partitions).Select(partition => new PartitionSender(message => SendAsync(partition, message)))];
    }

    /// <summary>Asks the bus about the stream.</summary>
    public Func<CancellationToken, ValueTask<SourceStatus>> Look { get; set; } = static _ => new(SourceStatus.Unknown);

    public ValueTask<SourceStatus> LookAtSourceAsync(CancellationToken cancellationToken) => Look(cancellationToken);

    public bool ForwardsToOtherNodes => _stream.Forwards;

    /// <summary>The bus has started: where to send is known.</summary>
    public async Task OpenAsync(IBus bus, IBusInstance instance, IStreamTopology topology)
    {
        (_topology, _bus) = (topology, instance);
        _events = await bus.GetSendEndpoint(topology.DirectExchange(WireContract.Exchange(_stream.Stream))).ConfigureAwait(false);
        if (_stream.Forwards) _forward = await bus.GetSendEndpoint(topology.FanOutExchange(WireContract.ForwardExchange(_stream.Instance, _stream.Stream))).ConfigureAwait(false);
    }

    public ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (events.IsEmpty) return new(new SendOutcome([], [], null));
        if (events.Length > 1) return SendManyAsync(Join(events.Span, fromHandlers), cancellationToken);
        var partition = Partitioning.Of(events.Span[0].Key, _stream.Partitions);
        var (message, place) = _partitions[partition].Join(in events.Span[0], fromHandlers);
        _partitions[partition].Start();
        return SendOneAsync(partition, message, place, cancellationToken);
    }

    public async ValueTask ForwardAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken)
    {
        var lines = new ArrayBufferWriter<byte>();
        for (var i = 0; i < events.Length; i++)
        {
            lines.Write(events.Span[i].Record.Span);
            lines.Write("\n"u8);
        }
        var headers = new StreamHeaders(WireContract.Version, _stream.Stream, _stream.Partitions, events.Length, _time.GetUtcNow(), _stream.Node);
        await _forward!.Send(new StreamMessage(lines.WrittenSpan.ToArray()), Pipe.Execute<SendContext<StreamMessage>>(context =>
        {
            context.Serializer = StreamSerializer.Instance;
            headers.WriteTo(context.Headers);
        }), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The events of one call that went into one message, side by side.</summary>
    private sealed record Run(int Partition, OpenMessage Message, int First)
    {
        public List<int> Indexes { get; } = [];
    }

    private List<Run> Join(ReadOnlySpan<EventEnvelope> events, bool fromHandlers)
    {
        var indexes = new List<int>?[_stream.Partitions];
        for (var i = 0; i < events.Length; i++) (indexes[Partitioning.Of(events[i].Key, _stream.Partitions)] ??= []).Add(i);
        var runs = new List<Run>();
        for (var partition = 0; partition < indexes.Length; partition++)
        {
            if (indexes[partition] is not { } mine) continue;
            var here = partition;
            _partitions[partition].Join(events, CollectionsMarshal.AsSpan(mine), fromHandlers, (message, place, index) =>
            {
                if (runs.Count == 0 || runs[^1].Message != message) runs.Add(new Run(here, message, place));
                runs[^1].Indexes.Add(index);
            });
            _partitions[partition].Start();
        }
        return runs;
    }

    private async ValueTask<SendOutcome> SendOneAsync(int partition, OpenMessage message, int place, CancellationToken cancellationToken)
    {
        Exception? error;
        try { error = await message.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false); }
        catch (OperationCanceledException e) { throw Cancelled(message, message.TryWithdraw(place, 1), e, cancellationToken); }
        return error is null ? new([Span(partition, message, place, 1)], [], null) : new([], [0], error);
    }

    private async ValueTask<SendOutcome> SendManyAsync(List<Run> runs, CancellationToken cancellationToken)
    {
        var (spans, notSent) = (new List<ReceiptSpan>(), new List<int>());
        Exception? error = null;
        foreach (var run in runs)
        {
            try
            {
                if (await run.Message.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false) is { } failed)
                {
                    error ??= failed;
                    notSent.AddRange(run.Indexes);
                    continue;
                }
            }
            catch (OperationCanceledException e)
            {
                var withdrawn = runs.Count(other => other.Message.TryWithdraw(other.First, other.Indexes.Count));
                throw Cancelled(run.Message, withdrawn == runs.Count, e, cancellationToken);
            }
            spans.Add(Span(run.Partition, run.Message, run.First, run.Indexes.Count));
        }
        notSent.Sort();
        return new(spans, notSent, error);
    }

    private OperationCanceledException Cancelled(OpenMessage message, bool withdrawn, Exception e, CancellationToken cancellationToken)
    {
        var obstacle = message.Obstacle is { } error ? $" Stream '{_stream.Stream}' cannot be sent to at present: {error.Message}" : "";
        return new(withdrawn
            ? $"The send was cancelled before the transport had anything of it, so nothing was sent.{obstacle}"
            : $"The send was cancelled while its message {message.Id} was under way: the event may have been sent. An event whose id the caller set (BrookEvent.Id) can be sent again and is applied once.{obstacle}", e, cancellationToken);
    }

    /// <summary>One message of one partition; never two at a time. A message whose outcome is not known is sent again as it was, until it is.</summary>
    private async Task SendAsync(int partition, OpenMessage message)
    {
        if (!message.FromHandlers) await ReadyAsync().ConfigureAwait(false);
        byte[]? body = null;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await _topology!.ConnectAsync(_bus!, _gate.Closed).ConfigureAwait(false);
                body ??= message.HandOver();
                if (message.Count > 0) await SendAsync(partition, message, body).ConfigureAwait(false);
                if (attempt > 1) Log.SendBack(_logger, _stream.Instance, _lanes[partition], attempt);
                return;
            }
            catch (Exception error)
            {
                if (_topology!.Refusal(error, _stream.Stream, partition) is { } refusal)
                    throw attempt == 1 || body is null ? refusal : new BrookException($"{refusal.Message} An attempt before this one may have been sent all the same.", error);
                if (_gate.Closed.IsCancellationRequested) throw Stopped(message, body is not null, error);
                message.Obstacle = error;
                if (attempt is 1 or 10 || attempt % 100 == 0) Log.SendFails(_logger, _stream.Instance, _lanes[partition], attempt, error);
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(100 * attempt, 2000)), _time, _gate.Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task SendAsync(int partition, OpenMessage message, byte[] body)
    {
        var headers = new StreamHeaders(WireContract.Version, _stream.Stream, _stream.Partitions, message.Count, _time.GetUtcNow(), null);
        _backlog.Sent(message.Count, partition);
        using var activity = Telemetry.StartSend(_stream.Instance, _lanes[partition], message.Sender, message.Count);
        try
        {
            await _events!.Send(new StreamMessage(body), Pipe.Execute<SendContext<StreamMessage>>(context =>
            {
                _topology!.Prepare(context);
                context.Serializer = StreamSerializer.Instance;
                context.MessageId = message.Id;
                context.SetRoutingKey(partition.ToString(CultureInfo.InvariantCulture));
                headers.WriteTo(context.Headers);
            }), CancellationToken.None).ConfigureAwait(false);
        }
        catch
        {
            _backlog.Sent(-message.Count, partition);
            throw;
        }
    }

    private static BrookException Stopped(OpenMessage message, bool handedOver, Exception error) => new(handedOver
        ? $"The bus stopped while message {message.Id} was under way, so its events may have been sent: {error.Message}"
        : $"The bus stopped before the events could be sent: {error.Message}", error);

    /// <summary>Waits for the bus to start and for room.</summary>
    private async ValueTask ReadyAsync()
    {
        await _gate.PassAsync().ConfigureAwait(false);
        if (_topology is not { IsInProcess: true }) return;
        if (!_backlog.IsRead)
            throw new BrookException($"Nobody reads stream '{_stream.Stream}' on this bus, so the event would be lost. Add an instance with handlers and brook.Stream(\"{_stream.Stream}\"), or check the name.");
        if (_backlog.Unhandled < _options.MaxUnhandledEvents) return;
        try { await _backlog.WaitForAsync(_options.MaxUnhandledEvents - 1, _gate.Closed).ConfigureAwait(false); }
        catch (OperationCanceledException) { await _gate.PassAsync().ConfigureAwait(false); }       // closed: it says why
    }

    private ReceiptSpan Span(int partition, OpenMessage message, int first, int count) => new(_lanes[partition], message.Id, message.PlaceOf(first), message.PlaceOf(first) + count - 1);
}
