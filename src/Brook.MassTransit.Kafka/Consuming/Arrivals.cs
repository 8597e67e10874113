namespace Brook.MassTransit.Kafka;

/// <summary>What a partition has in this process: records that wait, and those that the lane has taken. Both stand in the room until they are handled or not wanted. Used under the lane's lock; what was taken is the lane's own to read.</summary>
internal sealed class Arrivals(Room room)
{
    private const int MaxBytes = 1024 * 1024;       // before it is seen whether there is room
    private List<KafkaRecord> _waiting = [], _taken = [];
    private long _records, _bytes;          // of the room

    public bool AnyWait => _waiting.Count > 0;

    public List<KafkaRecord> Taken => _taken;

    /// <summary>Adds the records that stand next to each other in the queue.</summary>
    public void Add(RecordQueue queue)
    {
        var (before, bytes, run) = (_waiting.Count, 0L, queue.Next);
        try
        {
            do
            {
                _waiting.Add(queue.Take());
                bytes += BytesOf(_waiting[^1]);
            }
            while (bytes < MaxBytes && queue.HasMore && queue.Next == run);
        }
        finally
        {
            var records = _waiting.Count - before;
            (_records, _bytes) = (_records + records, _bytes + bytes);
            room.Take(records, bytes);
        }
    }

    public void Add(in KafkaRecord record)
    {
        _waiting.Add(record);
        var bytes = BytesOf(record);
        (_records, _bytes) = (_records + 1, _bytes + bytes);
        room.Take(1, bytes);
    }

    /// <summary>What waits is taken; nothing must be taken already.</summary>
    public void Take() => (_waiting, _taken) = (_taken, _waiting);

    /// <summary>Some of what was taken has been handled.</summary>
    public void Handled(int start, int end)
    {
        var bytes = 0L;
        for (var i = start; i < end; i++) bytes += BytesOf(_taken[i]);
        GiveBack(end - start, bytes);
    }

    /// <summary>Nothing is taken any more, handled or not.</summary>
    public void Done()
    {
        _taken.Clear();
        if (!AnyWait) LeaveRoom();
    }

    /// <summary>What waits is not wanted.</summary>
    public void Forget()
    {
        LeaveRoom();
        _waiting.Clear();
    }

    /// <summary>What is here is not counted any more.</summary>
    public void LeaveRoom() => GiveBack(_records, _bytes);

    private void GiveBack(long records, long bytes)
    {
        (records, bytes) = (Math.Min(records, _records), Math.Min(bytes, _bytes));
        (_records, _bytes) = (_records - records, _bytes - bytes);
        room.Give(records, bytes);
    }

    private static int BytesOf(in KafkaRecord record) => record.Value?.Length ?? 0;
}
