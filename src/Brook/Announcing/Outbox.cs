using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// The events that handlers want sent. They are rows of <c>$outbox</c> in the batch's own commit; a task of the lane's own sends them, in order, and removes
/// the rows. After a crash they are sent again with the same id, which the receiving lane remembers: exactly once. Sending never holds the lane up.
/// </summary>
internal sealed class Outbox(LaneContext lane, string mark = "") : IAsyncDisposable
{
    private const string Collection = "$outbox";
    private const int SendTogether = 500;
    private readonly Channel<(string Row, EventEnvelope Event)> _rows = Channel.CreateUnbounded<(string, EventEnvelope)>(new() { SingleReader = true });
    private readonly List<(string Row, EventEnvelope Event)> _staged = [];
    private readonly ConcurrentDictionary<string, bool> _waiting = new();      // rows that are in the channel, or being sent
    private readonly CancellationTokenSource _stopping = new();
    private Task _sending = Task.CompletedTask;

    /// <summary>Adds the batch's sends as rows, numbered from <paramref name="number"/> on. An event that cannot be sent is its sender's failure.</summary>
    public (int Event, Exception Error)? AddTo(long number)
    {
        _staged.Clear();
        var (last, place) = (-1, 0);
        foreach (var (index, sent) in lane.Batch.Sends)
        {
            (last, place) = (index, index == last ? place + 1 : 0);
            var record = new ArrayBufferWriter<byte>();
            var stamped = Stamp(sent, lane.Batch[index].Event!, place);
            if (EventLimits.Over(stamped.Type, stamped.Author, stamped.Headers) is { } over) return (index, new BrookException($"The event '{Names.Show(sent.Type)}' to be sent is over a limit: {over}."));
            try { EventWriter.Write(stamped, lane.Engine.Serializer, record); }
            catch (Exception e) { return (index, new BrookException($"The event '{sent.Type}' to be sent cannot be serialized: {e.Message}", e)); }
            if (record.WrittenCount > lane.Options.MaxEventBytes)
                return (index, new BrookException(string.Create(CultureInfo.InvariantCulture, $"The event '{sent.Type}' to be sent has {record.WrittenCount:N0} bytes; the limit is {lane.Options.MaxEventBytes:N0} (MaxEventBytes). Put the payload elsewhere and send a reference, or raise the limit.")));
            var row = string.Create(CultureInfo.InvariantCulture, $"{lane.Name}/{mark}{number++:D12}");
            lane.Batch.Commit.Add(new CommitEntry(new(Collection, row), EntryAction.Put, null, record.WrittenMemory));
            _staged.Add((row, EventEnvelope.Read(record.WrittenMemory, default, default)));
        }
        return null;
    }

    /// <summary>The rows are in the store: they may leave.</summary>
    public void Committed()
    {
        foreach (var row in _staged) Enqueue(row);
        _staged.Clear();
    }

    /// <summary>Takes up what an earlier owner of the lane left behind, or a process that released events of it.</summary>
    public async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        await foreach (var (id, row) in NewStore().ReadRowsAsync(Collection, $"{lane.Name}/{mark}", cancellationToken).ConfigureAwait(false))
            Enqueue((id, EventEnvelope.Read(row, default, default)));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_rows.Writer.TryComplete()) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
        lane.Engine.OutboxChanged(-_waiting.Count);             // they wait for the next owner
    }

    private void Enqueue((string Row, EventEnvelope Event) row)
    {
        if (lane.Engine.Transport is null) return;              // a lane under test: the rows stay
        if (!_waiting.TryAdd(row.Row, true)) return;            // read again after an interruption
        lane.Engine.OutboxChanged(1);
        _rows.Writer.TryWrite(row);
        lock (_waiting)                                         // the lane, and whoever looks for what others have left
            if (_sending.IsCompleted) _sending = Task.Run(() => SendAsync(_stopping.Token));
    }

    /// <summary>The lane uses its own; this one belongs to whoever makes it.</summary>
    private PatientStore NewStore() => new(lane.Engine.Store, lane.Options, lane.Time, lane.Logger, lane.Name);

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        var store = NewStore();
        var rows = new List<(string Row, EventEnvelope Event)>();
        while (await _rows.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            rows.Clear();
            while (rows.Count < SendTogether && _rows.Reader.TryRead(out var row)) rows.Add(row);
            await SendUntilAcceptedAsync([.. rows.Select(row => row.Event)], cancellationToken).ConfigureAwait(false);
            var done = new Commit(Commit.NewVersion());
            foreach (var (row, _) in rows) done.Add(new CommitEntry(new(Collection, row), EntryAction.Delete, null));
            await store.CommitAsync(done, cancellationToken).ConfigureAwait(false);
            foreach (var (row, _) in rows) _waiting.TryRemove(row, out _);
            lane.Engine.OutboxChanged(-rows.Count);
        }
    }

    private async Task SendUntilAcceptedAsync(EventEnvelope[] events, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            Exception error;
            try
            {
                var sent = await lane.Engine.Transport!.SendAsync(events, fromHandlers: true, cancellationToken).ConfigureAwait(false);
                if (sent.Error is null) return;
                (error, events) = (sent.Error, [.. sent.NotSent.Select(index => events[index])]);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                error = e;
            }
            Log.OutboxWaits(lane.Logger, lane.Name, events.Length, attempt, error);
            await Task.Delay(Backoff.Until(attempt, lane.Options.RetryDelay, TimeSpan.FromSeconds(30)), lane.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The id comes from the causing event, so that the same send made twice is the same event.</summary>
    private BrookEvent Stamp(BrookEvent sent, BrookEvent cause, int place)
    {
        var headers = new Dictionary<string, string>(sent.Headers) { [BrookEvent.CausationHeader] = cause.Id.ToString() };
        foreach (var name in new[] { BrookEvent.CorrelationHeader, BrookEvent.TraceHeader })
            if (cause.Headers.TryGetValue(name, out var value)) headers.TryAdd(name, value);
        return sent.Stamped(DerivedId(lane.Engine.DisplayName, cause.Id, place), callersId: true, lane.Options.Author, lane.Time.GetUtcNow(), headers);
    }

    /// <summary>Instances that read one stream send each their own.</summary>
    internal static Guid DerivedId(string instance, Guid cause, int place)
    {
        Span<byte> hash = stackalloc byte[32];
        var seed = new byte[20 + Encoding.UTF8.GetByteCount(instance)];
        cause.TryWriteBytes(seed, bigEndian: true, out _);
        BinaryPrimitives.WriteInt32BigEndian(seed.AsSpan(16), place);
        Encoding.UTF8.GetBytes(instance, seed.AsSpan(20));
        SHA256.HashData(seed, hash);
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);              // a version 8 UUID (RFC 9562): made by our own rule
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
