using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using Brook.Lanes;

namespace Brook;

/// <summary>What a caller sends becomes an envelope: stamped, serialized once, handed to the transport. A bad event fails its caller alone.</summary>
internal sealed class EventSender(string instance, BrookOptions options, Func<BrookEvent, string?> keyOf, IBrookSerializer serializer, IBrookTransport transport, TimeProvider time) : IBrook
{
    private const int Together = 500, InFlight = 32;
    [ThreadStatic] private static (ArrayBufferWriter<byte> Line, EventEnvelope[] One)? s_single;
    [ThreadStatic] private static (ArrayBufferWriter<byte> Lines, EventEnvelope[] Events)? s_many;

    public async ValueTask<Receipt> SendAsync(BrookEvent e, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(e);
        var sent = await SendOne(e, cancellationToken).ConfigureAwait(false);
        return sent.Error is null ? new Receipt(sent.Spans) : throw NotSent(sent, [e]);
    }

    public async ValueTask<Receipt> SendManyAsync(IEnumerable<BrookEvent> events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        var (spans, notSent, flying) = (new List<ReceiptSpan>(), new List<BrookEvent>(), new Queue<(BrookEvent[] Events, Task<SendOutcome> Sent)>());
        Exception? error = null;
        foreach (var chunk in events.Chunk(Together))
        {
            if (error is null)
            {
                try
                {
                    flying.Enqueue((chunk, SendChunk(chunk, cancellationToken).AsTask()));
                }
                catch (Exception e)
                {
                    error = e;
                    notSent.AddRange(chunk);
                }
            }
            else
            {
                notSent.AddRange(chunk);                                                // in order, or not at all
            }
            if (flying.Count >= InFlight) await LandAsync().ConfigureAwait(false);
        }
        while (flying.Count > 0) await LandAsync().ConfigureAwait(false);
        return error is null ? new Receipt(spans) : throw NotSent(new SendOutcome(spans, [], error), notSent);

        async ValueTask LandAsync()
        {
            var (chunk, sending) = flying.Dequeue();
            try
            {
                var sent = await sending.ConfigureAwait(false);
                spans.AddRange(sent.Spans);
                error ??= sent.Error;
                notSent.AddRange(sent.NotSent.Select(index => chunk[index]));
            }
            catch (Exception e)
            {
                error ??= e;
                notSent.AddRange(chunk);
            }
        }
    }

    /// <summary>Not async: the transport has copied the bytes when this returns, so the thread may use its buffer again.</summary>
    private ValueTask<SendOutcome> SendOne(BrookEvent e, CancellationToken cancellationToken)
    {
        var (line, one) = s_single ?? (new ArrayBufferWriter<byte>(1024), new EventEnvelope[1]);
        s_single = null;                                                                // a serializer of the user's may come back here
        line.ResetWrittenCount();
        one[0] = Envelope(e, line);
        var sent = transport.SendAsync(one, fromHandlers: false, cancellationToken);
        if (line.Capacity <= 64 * 1024) s_single = (line, one);
        return sent;
    }

    private ValueTask<SendOutcome> SendChunk(BrookEvent[] events, CancellationToken cancellationToken)
    {
        var (lines, envelopes) = s_many ?? (new ArrayBufferWriter<byte>(64 * 1024), new EventEnvelope[Together]);
        s_many = null;
        lines.ResetWrittenCount();
        for (var i = 0; i < events.Length; i++) envelopes[i] = Envelope(events[i] ?? throw new ArgumentNullException(nameof(events), "One of the events is null."), lines);
        var sent = transport.SendAsync(envelopes.AsMemory(0, events.Length), fromHandlers: false, cancellationToken);
        Array.Clear(envelopes);
        if (lines.Capacity <= 1024 * 1024) s_many = (lines, envelopes);
        return sent;
    }

    private EventEnvelope Envelope(BrookEvent e, ArrayBufferWriter<byte> lines)
    {
        var key = keyOf(e);
        if (key is not null) Names.CheckKey(key);
        var now = time.GetUtcNow();
        var stamp = new EventStamp(e.Id == default ? EventIds.New(now) : e.Id, e.Id != default, e.Author.Length == 0 ? options.Author : e.Author,
            e.CreatedAt == default ? now : e.CreatedAt, Traced(e.Headers)) { Key = key };
        if (EventLimits.Over(e.Type, stamp.Author, stamp.Headers) is { } over) throw new BrookException($"The event '{Names.Show(e.Type)}' ({KeyOf(e)}) is over a limit, so it was not sent: {over}.");
        var start = lines.WrittenCount;
        try { EventWriter.Write(e, in stamp, serializer, lines); }
        catch (Exception error) { throw new BrookException($"The event '{e.Type}' ({KeyOf(e)}) cannot be serialized, so it was not sent: {error.Message}", error); }
        var record = lines.WrittenMemory[start..];
        if (record.Length > options.MaxEventBytes)
            throw new BrookException(string.Create(CultureInfo.InvariantCulture, $"The event '{e.Type}' ({KeyOf(e)}) has {record.Length:N0} bytes; the limit is {options.MaxEventBytes:N0} (MaxEventBytes), so it was not sent. Put the payload elsewhere and send a reference, or raise the limit."));
        return new()
        {
            Id = stamp.Id, HasCallersId = stamp.HasCallersId, Type = e.Type, Author = stamp.Author, CreatedAt = stamp.CreatedAt, Key = key, Headers = stamp.Headers, SentAt = now, Record = record,
        };
    }

    private static string KeyOf(BrookEvent? e) => e?.Key is null ? "no key" : $"key '{Names.Show(e.Key)}'";

    private static IReadOnlyDictionary<string, string> Traced(IReadOnlyDictionary<string, string> headers)
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C, Id: { } trace } || headers.ContainsKey(BrookEvent.TraceHeader)) return headers;
        return new Dictionary<string, string>(headers) { [BrookEvent.TraceHeader] = trace };
    }

    private BrookSendException NotSent(SendOutcome sent, List<BrookEvent> notSent)
    {
        var which = notSent.Count == 1 ? $"The event '{notSent[0]?.Type}' ({KeyOf(notSent[0])})" : string.Create(CultureInfo.InvariantCulture, $"{notSent.Count:N0} events");
        return new BrookSendException($"{which} could not be sent by Brook instance '{Names.OfInstance(instance)}': {sent.Error!.Message}", sent.Error, notSent, new Receipt(sent.Spans)) { IsTransient = sent.Error is BrookException { IsTransient: true } };
    }
}
