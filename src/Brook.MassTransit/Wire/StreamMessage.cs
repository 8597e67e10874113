namespace Brook.MassTransit;

/// <summary>A message of a stream: events as lines of JSON. On the way in, whatever body came.</summary>
internal sealed class StreamMessage(byte[] lines)
{
    public byte[] Lines { get; } = lines;
}
