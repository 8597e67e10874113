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
    private readonly Queue<(Sending Sending, int Index)> _waiting = new();
    private readonly HashSet<Sending> _unanswered = [];
    private readonly RecordFormat _format = new() { Elixir = settings.Elixir };
    private readonly TopicPartition _to = new(settings.SendTo, settings.Elixir == ElixirFormat.None ? Partition.Any : 0);      // Brook for Elixir writes to partition 0 alone: there is the order
    private IProducer<byte[]?, byte[]?>? _producer;
    private int _underWay;
    private bool _openAwaited, _disposed;

    /// <summary>Makes the client, so that an error of its configuration is one of the start.</summary>
    /// <exception cref="BrookException">The configuration is not valid.</exception>
    public void Open()
    {
        lock (_lock) _producer ??= Build();
    }

    /// <summary>Its client, to ask the broker with.</summary>
    public Handle Client
    {
        get { lock (_lock) return (_producer ??= Build()).Handle; }
    }

    public async ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (events.IsEmpty) return new SendOutcome([], [], null);
        var sending = new Sending(this, events.Span);
        Begin(sending, fromHandlers);
        if (sending.Done.IsCompleted) Forget(sending);              // refused at once
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

    private void Forget(Sending sending)
    {
        lock (_lock) _unanswered.Remove(sending);
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
                    (_producer ??= Build()).Produce(topic, new Message<byte[]?, byte[]?> { Value = e.Record.ToArray(), Headers = headers }, report =>
                    {
                        if (report.Error.IsError) Log.ForwardFails(logger, instance, report.Error.Reason);
                    });
                }
                catch (ProduceException<byte[]?, byte[]?> error) { Log.ForwardFails(logger, instance, error.Error.Reason); }
            }
        }
    }

    /// <summary>Ends when the broker has what is under way; what it has not got then is reported to its senders.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        IProducer<byte[]?, byte[]?>? producer;
        lock (_lock) producer = _producer;
        if (producer is null) return;
        try { await Task.Run(() => producer.Flush(cancellationToken), CancellationToken.None).ConfigureAwait(false); }
        catch (Exception e) when (e is OperationCanceledException or KafkaException) { Log.LeftUnderWay(logger, instance, Volatile.Read(ref _underWay)); }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            while (_waiting.TryDequeue(out var waiting)) waiting.Sending.Failed(waiting.Index, new BrookException("The bus stopped before the event could be sent."));
            _producer?.Dispose();
            _producer = null;
            foreach (var sending in _unanswered) sending.Abandon(new BrookException("The bus stopped while the event was under way to Kafka, so it may have been sent."));
            _unanswered.Clear();
        }
    }

    private void Begin(Sending sending, bool fromHandlers)
    {
        lock (_lock)
        {
            _unanswered.Add(sending);
            if (!fromHandlers && !IsOpen(sending)) return;
            for (var i = 0; i < sending.Count; i++)
            {
                if (!fromHandlers && (_waiting.Count > 0 || _underWay >= MaxUnderWay)) _waiting.Enqueue((sending, i));
                else Produce(sending, i);
            }
        }
    }

    /// <summary>Before the bus has started they wait in the line; afterwards they are refused.</summary>
    private bool IsOpen(Sending sending)
    {
        var passing = gate.PassAsync();
        if (passing.IsCompletedSuccessfully) return true;
        if (passing.IsFaulted)
        {
            for (var i = 0; i < sending.Count; i++) sending.Failed(i, passing.AsTask().Exception!.InnerException!);
            return false;
        }
        for (var i = 0; i < sending.Count; i++) _waiting.Enqueue((sending, i));
        if (!_openAwaited) _ = SendWaitingAsync(passing.AsTask());
        _openAwaited = true;
        return false;
    }

    private async Task SendWaitingAsync(Task opened)
    {
        Exception? refused = null;
        try { await opened.ConfigureAwait(false); }
        catch (BrookException e) { refused = e; }
        lock (_lock)
        {
            if (refused is null) ProduceWaiting();
            else while (_waiting.TryDequeue(out var waiting)) waiting.Sending.Failed(waiting.Index, refused);
        }
    }

    private void ProduceWaiting()
    {
        while (_underWay < MaxUnderWay && _waiting.TryPeek(out var waiting))
        {
            _waiting.Dequeue();
            if (!waiting.Sending.IsWithdrawn) Produce(waiting.Sending, waiting.Index);
        }
    }

    private void Produce(Sending sending, int index)
    {
        try
        {
            if (_disposed) throw new BrookException("The bus has stopped, so nothing can be sent any more.");
            _producer ??= Build();
            sending.Started = true;
            _producer.Produce(_to, sending.Messages[index], report => Delivered(sending, index, report));
            _underWay++;
        }
        catch (ProduceException<byte[]?, byte[]?> e) { Refused(sending, index, e.Error); }
        catch (Exception e) when (e is BrookException or KafkaException or InvalidOperationException) { sending.Failed(index, e); }
    }

    /// <summary>On a thread of the client's: events of one call may end on it one after the other, so nothing of the callers runs here.</summary>
    private void Delivered(Sending sending, int index, DeliveryReport<byte[]?, byte[]?> report)
    {
        if (report.Error.IsError) Refused(sending, index, report.Error);
        else sending.Sent(index, report.Partition, report.Offset);
        lock (_lock)
        {
            _underWay--;
            if (sending.Done.IsCompleted) _unanswered.Remove(sending);
            if (_waiting.Count > 0 && gate.IsOpen) ProduceWaiting();
        }
    }

    private void Refused(Sending sending, int index, Error error)
    {
        sending.Failed(index, SendFailures.Of(error, settings, sending.Messages[index]));
        if (!error.IsFatal) return;
        IProducer<byte[]?, byte[]?>? former;
        lock (_lock) (former, _producer) = (_producer, null);       // the next send makes another
        if (former is null) return;
        Log.SenderRebuilt(logger, instance, error.Reason);
        _ = Task.Run(former.Dispose);
    }

    /// <summary>True: nothing of it had been given to the client.</summary>
    private bool Withdraw(Sending sending)
    {
        lock (_lock) return !sending.Started && (sending.IsWithdrawn = true);
    }

    private IProducer<byte[]?, byte[]?> Build()
    {
        try { return new ProducerBuilder<byte[]?, byte[]?>(settings.SenderConfig()).SetLogHandler((_, message) => Log.Client(logger, message)).Build(); }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new BrookException($"The Kafka producer of Brook instance '{instance}' cannot be made: {e.Message}", e);
        }
    }

    /// <summary>The events of one call.</summary>
    private sealed class Sending
    {
        private readonly TaskCompletionSource<SendOutcome> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly (int Partition, long Offset)[] _places;
        private readonly string _topic;
        private Exception? _error;
        private int _left;

        public Sending(KafkaSender sender, ReadOnlySpan<EventEnvelope> events)
        {
            (Messages, _places, _left, _topic) = (new Message<byte[]?, byte[]?>[events.Length], new (int, long)[events.Length], events.Length, sender._topic);
            for (var i = 0; i < events.Length; i++) Messages[i] = RecordWriter.Write(in events[i], sender._format);
        }

        public Message<byte[]?, byte[]?>[] Messages { get; }

        public int Count => Messages.Length;

        public Task<SendOutcome> Done => _done.Task;

        /// <summary>The client has something of it.</summary>
        public bool Started { get; set; }

        public bool IsWithdrawn { get; set; }

        public void Sent(int index, int partition, long offset)
        {
            _places[index] = (partition, offset);
            if (Interlocked.Decrement(ref _left) == 0) End();
        }

        public void Failed(int index, Exception error)
        {
            _places[index] = (-1, 0);
            Interlocked.CompareExchange(ref _error, error, null);
            if (Interlocked.Decrement(ref _left) == 0) End();
        }

        /// <summary>Nobody answers any more.</summary>
        public void Abandon(Exception error) => _done.TrySetResult(new([], [.. Enumerable.Range(0, Count)], error));

        private void End()
        {
            if (_places.Length == 1)
            {
                _done.TrySetResult(_error is null ? new([Span(_places[0].Partition, _places[0].Offset, _places[0].Offset)], [], null) : new([], [0], _error));
                return;
            }
            var (spans, notSent) = (new List<ReceiptSpan>(), new List<int>());
            for (var i = 0; i < _places.Length; i++) if (_places[i].Partition < 0) notSent.Add(i);
            foreach (var partition in _places.Where(place => place.Partition >= 0).GroupBy(place => place.Partition))
            {
                var (first, last) = (-1L, -2L);
                foreach (var (_, offset) in partition.OrderBy(place => place.Offset))
                {
                    if (offset != last + 1 && first >= 0) spans.Add(Span(partition.Key, first, last));
                    (first, last) = (first < 0 || offset != last + 1 ? offset : first, offset);
                }
                spans.Add(Span(partition.Key, first, last));
            }
            _done.TrySetResult(new(spans, notSent, _error));
        }

        private ReceiptSpan Span(int partition, long first, long last) => new(WireContract.Lane(_topic, partition), default, first, last);
    }

    private readonly string _topic = settings.SendTo;
}
