using System.Buffers;
using Brook.Lanes;

namespace Brook.MassTransit;

/// <summary>
/// Group commit: one send of a partition is in flight, and what callers send meanwhile shares the next message. So the order of calls is the order on the
/// wire, and a message carries many events without any timer. A lone caller sends on its own thread.
/// </summary>
internal sealed class PartitionSender(Func<OpenMessage, Task> send, Func<bool>? othersWait = null)
{
    public const int MaxEvents = 500, MaxBytes = 80_000;    // above 85,000 the runtime keeps buffers apart and collects them rarely and dearly
    private readonly Lock _lock = new();
    private readonly Queue<OpenMessage> _waiting = new();
    private readonly Func<bool> _othersWait = othersWait ?? (static () => ThreadPool.PendingWorkItemCount > 0);
    private OpenMessage? _open;             // the last of the waiting ones, which may be joined
    private ArrayBufferWriter<byte>? _spare;
    private bool _sending;

    /// <summary>Adds an event to the next message; the bytes are copied. Calls of one thread keep their order.</summary>
    public (OpenMessage Message, int Place) Join(in EventEnvelope e, bool fromHandlers)
    {
        lock (_lock) return Add(in e, fromHandlers);
    }

    /// <summary>Adds some of the events side by side, in as many messages as they need.</summary>
    public void Join(ReadOnlySpan<EventEnvelope> events, ReadOnlySpan<int> indexes, bool fromHandlers, Action<OpenMessage, int, int> joined)
    {
        lock (_lock)
            foreach (var index in indexes)
            {
                var (message, place) = Add(in events[index], fromHandlers);
                joined(message, place, index);
            }
    }

    /// <summary>Sends what waits, unless somebody does already. Call it after joining.</summary>
    public void Start()
    {
        lock (_lock)
        {
            if (_sending || _waiting.Count == 0) return;
            _sending = true;
        }
        if (_othersWait()) ThreadPool.UnsafeQueueUserWorkItem(static sender => _ = sender.SendRestAsync(), this, preferLocal: false);   // behind them: they may have events for the same message
        else _ = SendFirstAsync();
    }

    private async Task SendFirstAsync()
    {
        if (!await SendNextAsync().ConfigureAwait(false)) return;
        await Task.Run(SendRestAsync).ConfigureAwait(false);                    // the caller has its answer; the rest is not its business
    }

    private async Task SendRestAsync()
    {
        while (await SendNextAsync().ConfigureAwait(false)) await Task.Yield();
    }

    /// <summary>False: nothing waits any more.</summary>
    private async Task<bool> SendNextAsync()
    {
        OpenMessage message;
        lock (_lock)
        {
            message = _waiting.Dequeue();
            if (_open == message) _open = null;
        }
        Exception? error = null;
        try { await send(message).ConfigureAwait(false); }
        catch (Exception e) { error = e; }
        message.Done.SetResult(error);
        lock (_lock)
        {
            if (message.Buffer.Capacity <= 2 * MaxBytes) _spare = message.Buffer;
            return _sending = _waiting.Count > 0;
        }
    }

    private (OpenMessage Message, int Place) Add(in EventEnvelope e, bool fromHandlers)
    {
        var record = e.Record.Span;
        if (_open is null || _open.FromHandlers != fromHandlers || _open.Count >= MaxEvents || _open.Bytes + record.Length >= MaxBytes)
            _waiting.Enqueue(_open = new OpenMessage(NewMessageId(), fromHandlers, TakeBuffer()) { Sender = e.Headers?.GetValueOrDefault(BrookEvent.TraceHeader) });
        return (_open, _open.Add(record));
    }

    private ArrayBufferWriter<byte> TakeBuffer()
    {
        var buffer = _spare ?? new ArrayBufferWriter<byte>(1024);
        _spare = null;
        buffer.ResetWrittenCount();
        return buffer;
    }

    private static Guid NewMessageId() => global::MassTransit.NewId.NextSequentialGuid();
}
