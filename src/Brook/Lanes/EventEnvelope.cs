namespace Brook.Lanes;

/// <summary>An event as transports carry it, both ways: the envelope, and the data still JSON (or an object the transport already had).</summary>
public readonly struct EventEnvelope
{
    /// <summary>The event's id; never empty once sent.</summary>
    public Guid Id { get; init; }

    /// <summary>Whether the caller set the id: then it is remembered, and the event applied once however often it is sent.</summary>
    public bool HasCallersId { get; init; }

    /// <summary>The event type.</summary>
    public string Type { get; init; }

    /// <summary>Who sent it; null when unknown.</summary>
    public string? Author { get; init; }

    /// <summary>When it happened.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>What order is kept by; null: none.</summary>
    public string? Key { get; init; }

    /// <summary>The event's headers; null: none.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>Where it stands in its source.</summary>
    public EventPosition Position { get; init; }

    /// <summary>When its message was sent: dates the message's id where ids are forgotten by age (<see cref="LaneGuard.SharedMessageIds"/>).</summary>
    public DateTimeOffset SentAt { get; init; }

    /// <summary>The data as JSON; empty when <see cref="Message"/> is set.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>The data as an object that the transport already had.</summary>
    public object? Message { get; init; }

    /// <summary>The whole event as received: what is logged, set aside and shown. Empty: it is made when needed.</summary>
    public ReadOnlyMemory<byte> Record { get; init; }

    /// <summary>Why it could not be read; such an event is set aside, never dropped.</summary>
    public string? Error { get; init; }

    /// <summary>Reads one event of Brook's own JSON (docs/wire-contract.md). Never throws: what is wrong is in <see cref="Error"/>.</summary>
    /// <param name="record">One JSON object in UTF-8; the envelope keeps slices of it.</param>
    /// <param name="position">Where it stands in its source.</param>
    /// <param name="sentAt">When its message was sent.</param>
    public static EventEnvelope Read(ReadOnlyMemory<byte> record, EventPosition position, DateTimeOffset sentAt)
        => EventReader.TryReadOwn(record, position, sentAt, out var envelope) ? envelope : EventReader.ReadAny(record, position, sentAt);

    /// <summary>As <see cref="Read(ReadOnlyMemory{byte}, EventPosition, DateTimeOffset)"/>; one with more bytes is not looked into.</summary>
    internal static EventEnvelope Read(ReadOnlyMemory<byte> record, EventPosition position, DateTimeOffset sentAt, int maxBytes) => EventLimits.OverBytes(record.Length, maxBytes) is { } over
        ? new() { Type = "", Record = record, Position = position, SentAt = sentAt, Error = $"The event is over a limit: {over}. It is kept as it came. Send a reference to what is large, or raise the limit." }
        : Read(record, position, sentAt);

    /// <summary>The same event, its offset counted from <paramref name="start"/>.</summary>
    internal EventEnvelope At(long start) => this with { Position = Position with { Offset = Position.Offset + start } };
}
