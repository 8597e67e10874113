namespace Brook;

/// <summary>Where an event stands in its source.</summary>
/// <param name="Lane">The lane (stream/partition) it came in on.</param>
/// <param name="Offset">The lane's offset, or the event's place in its message when <paramref name="MessageId"/> is set. Starts at 0.</param>
/// <param name="MessageId">The message it came in; empty on transports that count offsets.</param>
public readonly record struct EventPosition(string Lane, long Offset, Guid MessageId = default)
{
    /// <summary>For people: <c>orders/3@17</c>, or <c>orders/3@{message}#17</c>.</summary>
    public override string ToString() => MessageId == default ? $"{Lane}@{Offset}" : $"{Lane}@{MessageId}#{Offset}";
}
