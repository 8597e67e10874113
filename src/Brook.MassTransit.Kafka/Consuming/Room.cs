namespace Brook.MassTransit.Kafka;

/// <summary>
/// What may wait in this process, for all lanes together: enough for them to work side by side, and so little that it is still in the processor's cache when its turn comes. Thread safe.
/// </summary>
internal sealed class Room
{
    private const long MaxRecords = 2000, MaxBytes = 32 * 1024 * 1024;
    private long _records, _bytes;

    public bool IsFull => Interlocked.Read(ref _records) >= MaxRecords || Interlocked.Read(ref _bytes) >= MaxBytes;

    public void Take(long records, long bytes)
    {
        Interlocked.Add(ref _records, records);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void Give(long records, long bytes) => Take(-records, -bytes);
}
