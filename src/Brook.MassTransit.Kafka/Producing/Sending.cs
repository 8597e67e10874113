using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>The events of one call to send, until each of them has its answer.</summary>
internal sealed class Sending
{
    private readonly TaskCompletionSource<SendOutcome> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly (int Partition, long Offset)[] _places;
    private readonly string _topic;
    private Exception? _error;
    private int _left;

    public Sending(string topic, ReadOnlySpan<EventEnvelope> events, RecordFormat format)
    {
        (Messages, _places, _left, _topic) = (new Message<byte[]?, byte[]?>[events.Length], new (int, long)[events.Length], events.Length, topic);
        for (var i = 0; i < events.Length; i++) Messages[i] = RecordWriter.Write(in events[i], format);
    }

    public Message<byte[]?, byte[]?>[] Messages { get; }

    public int Count => Messages.Length;

    public Task<SendOutcome> Done => _done.Task;

    /// <summary>The client has something of it.</summary>
    public bool Started { get; set; }

    /// <summary>Its caller has gone, and the client had nothing of it.</summary>
    public bool IsWithdrawn { get; set; }

    public void Sent(int index, int partition, long offset)
    {
        _places[index] = (partition, offset);
        if (Interlocked.Decrement(ref _left) == 0) End();
    }

    public void Failed(int index, Exception error)
    {
        _places[index] = (-1, 0);
        Interlocked.CompareExchange(ref _error, error, null);
        if (Interlocked.Decrement(ref _left) == 0) End();
    }

    private void End()
    {
        if (_places.Length == 1)
        {
            _done.SetResult(_error is null ? new([Span(_places[0].Partition, _places[0].Offset, _places[0].Offset)], [], null) : new([], [0], _error));
            return;
        }
        var (spans, notSent) = (new List<ReceiptSpan>(), new List<int>());
        for (var i = 0; i < _places.Length; i++)
            if (_places[i].Partition < 0) notSent.Add(i);
        foreach (var partition in _places.Where(place => place.Partition >= 0).GroupBy(place => place.Partition)) AddSpans(spans, partition.Key, partition.Select(place => place.Offset).Order());
        _done.SetResult(new(spans, notSent, _error));
    }

    /// <summary>Others' events may stand between: each run of offsets is a span.</summary>
    private void AddSpans(List<ReceiptSpan> spans, int partition, IEnumerable<long> offsets)
    {
        var (first, last) = (-1L, -2L);
        foreach (var offset in offsets)
        {
            if (first >= 0 && offset != last + 1) spans.Add(Span(partition, first, last));
            (first, last) = (first < 0 || offset != last + 1 ? offset : first, offset);
        }
        spans.Add(Span(partition, first, last));
    }

    private ReceiptSpan Span(int partition, long first, long last) => new(WireContract.Lane(_topic, partition), default, first, last);
}
