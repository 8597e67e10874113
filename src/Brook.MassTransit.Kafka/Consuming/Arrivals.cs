using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>What a partition has in this process: records that wait, and those that the lane has taken. Both stand in the room until they are handled or not wanted. Used under the lane's lock; what was taken is the lane's own to read.</summary>
internal sealed class Arrivals(Room room)
{
    private List<ConsumeResult<byte[], byte[]>> _waiting = [], _taken = [];
    private long _records, _bytes;          // of the room

    public bool AnyWait => _waiting.Count > 0;

    public IReadOnlyList<ConsumeResult<byte[], byte[]>> Taken => _taken;

    public void Add(ConsumeResult<byte[], byte[]> record)
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

    private static int BytesOf(ConsumeResult<byte[], byte[]> record) => record.Message.Value?.Length ?? 0;
}
