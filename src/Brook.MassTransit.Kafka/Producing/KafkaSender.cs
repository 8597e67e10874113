using Brook.Lanes;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// Sends events to the topic, one record each. Many are under way at once, and the idempotent producer keeps the order of calls in each partition; who must
/// wait (for the bus, or for room) waits in one line, so the order holds for them too.
/// </summary>
internal sealed class KafkaSender(string instance, KafkaSettings settings, StreamGate gate, ILogger logger) : IDisposable
{
    private const int MaxUnderWay = 50_000;             // half of what the client takes
    private readonly Lock _lock = new();
    private readonly Queue<(Sending Sending, int Index)> _line = new();
    private readonly RecordFormat _format = new() { Elixir = settings.Elixir };
    private readonly TopicPartition _to = new(settings.SendTo, settings.Elixir == ElixirFormat.None ? Partition.Any : 0);      // Brook for Elixir writes to partition 0 alone: there is the order
    private Outgoing? _outgoing;
    private bool _opened, _openAwaited, _disposed;

    /// <summary>Makes the client, so that an error of its configuration is one of the start.</summary>
    /// <exception cref="BrookException">The configuration is not valid.</exception>
    public void Open()
    {
        lock (_lock) _outgoing ??= Build();
    }

    /// <summary>Its client, to ask the broker with.</summary>
    public Handle Client
    {
        get { lock (_lock) return (_outgoing ??= Build()).Producer.Handle; }
    }

    public async ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (events.IsEmpty) return new SendOutcome([], [], null);
        var sending = new Sending(settings.SendTo, events.Span, _format);
        Begin(sending, fromHandlers);
        try
        {
            return await sending.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            var withdrawn = Withdraw(sending);
            throw new OperationCanceledException(withdrawn
                ? "The send was cancelled before the Kafka client had anything of it, so nothing was sent."
                : "The send was cancelled while it was under way: the event may have been sent. An event whose id the caller set (BrookEvent.Id) can be sent again and is applied once.", e, cancellationToken);
        }
    }

    /// <summary>Sends to another topic without waiting; a failure is logged.</summary>
    public void Tell(string topic, ReadOnlySpan<EventEnvelope> events, Headers headers)
    {
        lock (_lock)
        {
            foreach (ref readonly var e in events)
            {
                try
                {
                    (_outgoing ??= Build()).Producer.Produce(topic, new Message<byte[]?, byte[]?> { Value = e.Record.ToArray(), Headers = headers }, report =>
                    {
                        if (report.Error.IsError) Log.ForwardFails(logger, instance, report.Error.Reason);
                        lock (_lock) MoveLine();
                    });
                }
                catch (ProduceException<byte[]?, byte[]?> error) { Log.ForwardFails(logger, instance, error.Error.Reason); }
            }
        }
    }

    /// <summary>Ends when the broker has what is under way, or with the token.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        Outgoing? outgoing;
        lock (_lock) outgoing = _outgoing;
        if (outgoing is null) return;
        try { await Task.Run(() => outgoing.Producer.Flush(cancellationToken), CancellationToken.None).ConfigureAwait(false); }
        catch (Exception e) when (e is OperationCanceledException or KafkaException) { Log.LeftUnderWay(logger, instance, outgoing.UnderWay.Count); }
    }

    /// <summary>What is still under way is reported to its senders.</summary>
    public void Dispose()
    {
        Outgoing? outgoing;
        lock (_lock)
        {
            (_disposed, outgoing, _outgoing) = (true, _outgoing, null);
            while (_line.TryDequeue(out var waiting)) waiting.Sending.Failed(waiting.Index, new BrookException("The bus stopped before the event could be sent."));
        }
        if (outgoing is not null) End(outgoing, "The bus stopped while the event was under way to Kafka, so it may have been sent.");
    }

    private void Begin(Sending sending, bool fromHandlers)
    {
        lock (_lock)
        {
            if (!fromHandlers && !IsOpen(sending)) return;
            for (var i = 0; i < sending.Count; i++)
                if (MustWait(fromHandlers) || !TryProduce(sending, i)) _line.Enqueue((sending, i));
        }
    }

    /// <summary>What handlers sent waits neither for the bus nor for others' room, only behind what the client itself has no room for.</summary>
    private bool MustWait(bool fromHandlers) => _opened && (_line.Count > 0 || (!fromHandlers && _outgoing?.UnderWay.Count >= MaxUnderWay));

    /// <summary>Before the bus has started they wait in the line; afterwards they are refused.</summary>
    private bool IsOpen(Sending sending)
    {
        var passing = gate.PassAsync();
        if (passing.IsCompletedSuccessfully && (_opened || !_openAwaited)) return _opened = true;
        if (passing.IsFaulted)
        {
            for (var i = 0; i < sending.Count; i++) sending.Failed(i, passing.AsTask().Exception!.InnerException!);
            return false;
        }
        for (var i = 0; i < sending.Count; i++) _line.Enqueue((sending, i));
        if (!_openAwaited) _ = OpenLineAsync(passing.AsTask());
        _openAwaited = true;
        return false;
    }

    private async Task OpenLineAsync(Task opened)
    {
        Exception? refused = null;
        try { await opened.ConfigureAwait(false); }
        catch (BrookException e) { refused = e; }
        lock (_lock)
        {
            _opened = true;
            if (refused is null) MoveLine();
            else while (_line.TryDequeue(out var waiting)) waiting.Sending.Failed(waiting.Index, refused);
        }
    }

    private void MoveLine()
    {
        while (_opened && !(_outgoing?.UnderWay.Count >= MaxUnderWay) && _line.TryPeek(out var waiting))
        {
            if (!waiting.Sending.IsWithdrawn && !TryProduce(waiting.Sending, waiting.Index)) return;
            _line.Dequeue();
        }
    }

    /// <summary>False: the client has no room at present.</summary>
    private bool TryProduce(Sending sending, int index)
    {
        try
        {
            if (_disposed) throw new BrookException("The bus has stopped, so nothing can be sent any more.");
            var outgoing = _outgoing ??= Build();
            outgoing.Producer.Produce(_to, sending.Messages[index], report => Delivered(outgoing, sending, index, report));
            outgoing.UnderWay.Add((sending, index));
            return sending.Started = true;
        }
        catch (ProduceException<byte[]?, byte[]?> e) when (e.Error.Code == ErrorCode.Local_QueueFull && _outgoing!.UnderWay.Count > 0)
        {
            return false;
        }
        catch (Exception e) when (e is KafkaException or BrookException or InvalidOperationException)
        {
            sending.Failed(index, e is KafkaException refused ? SendFailures.Of(refused.Error, settings, sending.Messages[index]) : e);
            return true;
        }
    }

    /// <summary>On a thread of the client's; callers go on elsewhere.</summary>
    private void Delivered(Outgoing outgoing, Sending sending, int index, DeliveryReport<byte[]?, byte[]?> report)
    {
        lock (_lock)
        {
            if (!outgoing.UnderWay.Remove((sending, index))) return;            // its sender has been told
            MoveLine();
        }
        if (report.Error.IsError) sending.Failed(index, SendFailures.Of(report.Error, settings, sending.Messages[index]));
        else sending.Sent(index, report.Partition, report.Offset);
    }

    /// <summary>The client has given up for good: the next send makes another one.</summary>
    private void Replace(Outgoing outgoing, Error error)
    {
        lock (_lock)
        {
            if (_outgoing != outgoing) return;
            _outgoing = null;
        }
        Log.SenderRebuilt(logger, instance, error.Reason);
        _ = Task.Run(() =>
        {
            outgoing.Producer.Flush(KafkaSettings.Patience);                    // it reports what it gives up
            End(outgoing, $"The Kafka client gave up for good ({error.Reason}) while the event was under way, so it may have been sent.");
            lock (_lock) MoveLine();
        });
    }

    /// <summary>Not under the lock: the client waits for its own thread, which may wait for that.</summary>
    private void End(Outgoing outgoing, string reason)
    {
        outgoing.Producer.Dispose();
        (Sending Sending, int Index)[] unanswered;
        lock (_lock)
        {
            unanswered = [.. outgoing.UnderWay];
            outgoing.UnderWay.Clear();
        }
        foreach (var (sending, index) in unanswered) sending.Failed(index, new BrookException(reason));
    }

    /// <summary>True: nothing of it had been given to the client.</summary>
    private bool Withdraw(Sending sending)
    {
        lock (_lock) return !sending.Started && (sending.IsWithdrawn = true);
    }

    private Outgoing Build()
    {
        Outgoing? outgoing = null;
        try
        {
            return outgoing = new(new ProducerBuilder<byte[]?, byte[]?>(settings.SenderConfig())
                .SetLogHandler((_, message) => Log.Client(logger, message))
                .SetErrorHandler((_, error) =>
                {
                    if (error.IsFatal && outgoing is not null) Replace(outgoing, error);
                })
                .Build());
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new BrookException($"The Kafka producer of Brook instance '{instance}' cannot be made: {e.Message}", e);
        }
    }

    /// <summary>A client and what it has not answered yet.</summary>
    private sealed record Outgoing(IProducer<byte[]?, byte[]?> Producer)
    {
        public HashSet<(Sending Sending, int Index)> UnderWay { get; } = [];
    }
}
