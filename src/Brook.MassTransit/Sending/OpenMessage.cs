using System.Buffers;

namespace Brook.MassTransit;

/// <summary>A message that is being filled; who joined it waits for the same answer. Until it is handed over to the transport its events can be taken back.</summary>
internal sealed class OpenMessage(Guid id, bool fromHandlers, ArrayBufferWriter<byte> lines)
{
    private readonly Lock _lock = new();
    private SortedSet<int>? _withdrawn;
    private bool _handedOver;
    private int _count;

    public Guid Id { get; } = id;

    /// <summary>Events of the outbox; applications' events never share a message with them.</summary>
    public bool FromHandlers { get; } = fromHandlers;

    /// <summary>How many events it has, less those that were taken back.</summary>
    public int Count => _count - (_withdrawn?.Count ?? 0);

    public int Bytes => lines.WrittenCount;

    /// <summary>Where its first event was sent, as that event's <c>traceparent</c> header says; null: nobody traces.</summary>
    public string? Sender { get; init; }

    /// <summary>What keeps it from being sent; null: nothing so far.</summary>
    public Exception? Obstacle { get; set; }

    /// <summary>Ends when the transport has the message; never throws.</summary>
    public TaskCompletionSource<Exception?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Adds an event; the bytes are copied.</summary>
    /// <returns>Its place, for <see cref="PlaceOf"/> and <see cref="TryWithdraw"/>.</returns>
    public int Add(ReadOnlySpan<byte> record)
    {
        lines.Write(record);
        lines.Write("\n"u8);
        return _count++;
    }

    /// <summary>The body. From now on nothing can be taken back.</summary>
    public byte[] HandOver()
    {
        lock (_lock)
        {
            _handedOver = true;
            return _withdrawn is null ? lines.WrittenSpan.ToArray() : WithoutWithdrawn();
        }
    }

    /// <summary>Takes events back that nobody waits for any longer. False: the transport may have them.</summary>
    public bool TryWithdraw(int first, int count)
    {
        lock (_lock)
        {
            if (_handedOver) return false;
            (_withdrawn ??= []).UnionWith(Enumerable.Range(first, count));
            return true;
        }
    }

    /// <summary>Where an event stands in the message as it was sent.</summary>
    public int PlaceOf(int place) => _withdrawn is null ? place : place - _withdrawn.GetViewBetween(0, place).Count;

    /// <summary>The buffer it was made with, for another message when this one is done.</summary>
    public ArrayBufferWriter<byte> Buffer => lines;

    private byte[] WithoutWithdrawn()
    {
        var body = new ArrayBufferWriter<byte>(lines.WrittenCount + 1);
        var rest = lines.WrittenSpan;
        var place = 0;
        while (!rest.IsEmpty)
        {
            var line = rest[..(rest.IndexOf((byte)'\n') + 1)];
            if (!_withdrawn!.Contains(place++)) body.Write(line);
            rest = rest[line.Length..];
        }
        return body.WrittenSpan.ToArray();
    }
}
