using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using Brook.Lanes;
using MassTransit;

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
    private IStreamTopology? _topology;
    private ISendEndpoint? _events, _forward;

    public StreamTransport(StreamOptions stream, BrookOptions options, StreamBacklog backlog, StreamGate gate, TimeProvider time)
    {
        (_stream, _options, _backlog, _gate, _time) = (stream, options, backlog, gate, time);
        _lanes = [.. Enumerable.Range(0, stream.Partitions).Select(partition => WireContract.Lane(stream.Stream, partition))];
        _partitions = [.. Enumerable.Range(0, stream.Partitions).Select(partition => new PartitionSender(message => SendAsync(partition, message)))];
    }

    public bool ForwardsToOtherNodes => _stream.Forwards;

    /// <summary>The bus has started: where to send is known.</summary>
    public async Task OpenAsync(IBus bus, IStreamTopology topology)
    {
        _topology = topology;
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
        var error = await DoneAsync(message, cancellationToken).ConfigureAwait(false);
        return error is null ? new([Span(partition, message, place, 1)], [], null) : new([], [0], error);
    }

    private async ValueTask<SendOutcome> SendManyAsync(List<Run> runs, CancellationToken cancellationToken)
    {
        var (spans, notSent) = (new List<ReceiptSpan>(), new List<int>());
        Exception? error = null;
        foreach (var run in runs)
        {
            if (await DoneAsync(run.Message, cancellationToken).ConfigureAwait(false) is { } failed)
            {
                error ??= failed;
                notSent.AddRange(run.Indexes);
            }
            else
            {
                spans.Add(Span(run.Partition, run.Message, run.First, run.Indexes.Count));
            }
        }
        notSent.Sort();
        return new(spans, notSent, error);
    }

    private static async ValueTask<Exception?> DoneAsync(OpenMessage message, CancellationToken cancellationToken)
    {
        try
        {
            return await message.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException($"The send was cancelled while its message {message.Id} was under way: the event may have been sent. An event whose id the caller set (BrookEvent.Id) can be sent again and is applied once.", e, cancellationToken);
        }
    }

    /// <summary>One message of one partition; never two at a time.</summary>
    private async Task SendAsync(int partition, OpenMessage message)
    {
        if (!message.FromHandlers) await ReadyAsync().ConfigureAwait(false);
        var headers = new StreamHeaders(WireContract.Version, _stream.Stream, _stream.Partitions, message.Count, _time.GetUtcNow(), null);
        _backlog.Sent(message.Count);
        try
        {
            await _events!.Send(new StreamMessage(message.Lines.WrittenSpan.ToArray()), Pipe.Execute<SendContext<StreamMessage>>(context =>
            {
                context.Serializer = StreamSerializer.Instance;
                context.MessageId = message.Id;
                context.SetRoutingKey(partition.ToString(CultureInfo.InvariantCulture));
                headers.WriteTo(context.Headers);
            }), CancellationToken.None).ConfigureAwait(false);
        }
        catch
        {
            _backlog.Sent(-message.Count);
            throw;
        }
    }

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

    private ReceiptSpan Span(int partition, OpenMessage message, int first, int count) => new(_lanes[partition], message.Id, first, first + count - 1);
}
