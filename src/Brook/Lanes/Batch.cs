using Brook.Storage;

namespace Brook.Lanes;

internal enum Outcome : byte
{
    /// <summary>On its way, or applied.</summary>
    Pending,

    /// <summary>Applied before: redelivered, or sent twice.</summary>
    Duplicate,

    /// <summary>Cannot be read, or its handler failed for good.</summary>
    Failed,

    /// <summary>Stands behind a failed event of its key.</summary>
    Behind,
}

/// <summary>One event on its way. Failure is a state of the event, not of the batch.</summary>
internal struct BatchItem
{
    public BrookEvent? Event;
    public EventType? Type;
    public Outcome Outcome;
    public Exception? Error;
    public int Attempts;

    /// <summary>How often it was tried before it came here: it had been set aside.</summary>
    public int TriedBefore;

    /// <summary>When it may be tried again once it is set aside.</summary>
    public RetryRule Rule;
    public bool Handled, Reads, Wrote;

    /// <summary>It was handled before, for another view: what it sends has left.</summary>
    public bool IsReplay;

    /// <summary>It never reaches its handlers: it cannot be read, or nobody may take it.</summary>
    public bool IsRefused;

    /// <summary>What order is kept by. An event that could not be read has one when its envelope could.</summary>
    public string? Key;

    public readonly bool IsSetAside => Outcome is Outcome.Failed or Outcome.Behind;
}

/// <summary>The events of one trip along the path; reused by its lane.</summary>
internal sealed class Batch
{
    private BatchItem[] _items = new BatchItem[16];
    private readonly List<(int Event, BrookEvent Sent)> _sends = [];
    private Dictionary<string, int>? _failedKeys;           // key -> its first failed event

    /// <summary>What came: parallel to the items.</summary>
    public ReadOnlyMemory<EventEnvelope> Raw { get; private set; }
    public int Count { get; private set; }
    public Span<BatchItem> Items => _items.AsSpan(0, Count);
    public ref BatchItem this[int index] => ref _items[index];

    /// <summary>The next event to hand to its handlers.</summary>
    public int Cursor { get; set; }

    /// <summary>The message whose later events come in another part; empty: all messages are whole.</summary>
    public Guid CutMessage { get; private set; }

    /// <summary>How often the commit was refused.</summary>
    public int Conflicts { get; set; }

    /// <summary>The events that handlers want sent, in order.</summary>
    public IReadOnlyList<(int Event, BrookEvent Sent)> Sends => _sends;
    public Commit Commit { get; } = new(Commit.NewVersion());
    public Arena Arena { get; } = new();

    public void Start(ReadOnlyMemory<EventEnvelope> raw, Guid cutMessage)
    {
        Items.Clear();
        _sends.Clear();
        _failedKeys = null;
        (Raw, CutMessage, Count, Cursor, Conflicts) = (raw, cutMessage, raw.Length, 0, 0);
        if (_items.Length < Count) _items = new BatchItem[Count];
    }

    /// <summary>Only the first <paramref name="count"/> events are committed now; the others come as a part of their own.</summary>
    public void Cut(int count)
    {
        var message = Raw.Span[count].Position.MessageId;
        CutMessage = message == Raw.Span[count - 1].Position.MessageId ? message : default;
        _items.AsSpan(count, Count - count).Clear();            // the next part finds none of it
        Count = count;
    }

    public void Send(int index, BrookEvent e) => _sends.Add((index, e));

    public void Unsend(int from, int to) => _sends.RemoveAll(send => send.Event >= from && send.Event <= to);

    /// <summary>Fails an event for good; later ones of its key are not to be handled from now on.</summary>
    public void Fail(int index, Exception error) => Fail(index, _items[index].Rule, error);

    /// <summary>As <see cref="Fail(int, Exception)"/>, and says when it may be tried again.</summary>
    public void Fail(int index, RetryRule rule, Exception error)
    {
        ref var item = ref _items[index];
        item.Rule = rule;
        (item.Outcome, item.Error) = (Outcome.Failed, error);
        if (item.Key is not { } key) return;
        _failedKeys ??= [];
        _failedKeys[key] = _failedKeys.TryGetValue(key, out var first) ? Math.Min(first, index) : index;
    }

    /// <summary>Fails an event that handlers never get, whatever changes.</summary>
    public void Refuse(int index, Exception error)
    {
        _items[index].IsRefused = true;
        Fail(index, error);
    }

    /// <summary>An earlier event of the same key has failed in this batch.</summary>
    public bool StandsBehindFailed(int index) => _failedKeys is not null && _items[index].Key is { } key && _failedKeys.TryGetValue(key, out var first) && first < index;

    /// <summary>The first event from <paramref name="from"/> on whose handler read the view; -1: none.</summary>
    public int FirstReader(int from)
    {
        for (var i = from; i < Count; i++)
            if (_items[i].Reads && _items[i].Outcome == Outcome.Pending) return i;
        return -1;
    }

    /// <summary>Events from here on are handled again. With <paramref name="revive"/> failed ones get another chance: what they failed on has changed.</summary>
    public void RestartFrom(int index, bool revive)
    {
        Cursor = Math.Min(Cursor, index);
        for (var i = index; i < Count; i++)
        {
            ref var item = ref _items[i];
            (item.Handled, item.Reads) = (false, false);
            if (item.Outcome == Outcome.Behind || (revive && item.Outcome == Outcome.Failed && !item.IsRefused)) (item.Outcome, item.Error, item.Attempts, item.Rule) = (Outcome.Pending, null, 0, RetryRule.Automatic);
        }
        _failedKeys = null;
        for (var i = 0; i < Count; i++)
            if (_items[i].Outcome == Outcome.Failed) Fail(i, _items[i].Error!);
    }

    public BatchResult Result(BatchOutcome outcome)
    {
        if (outcome != BatchOutcome.Committed) return new(outcome, 0, 0, 0, 0);
        int applied = 0, discarded = 0, duplicates = 0, setAside = 0;
        foreach (ref readonly var item in Items)
            if (item.Outcome == Outcome.Duplicate) duplicates++;
            else if (item.IsSetAside) setAside++;
            else if (item.Wrote) applied++;
            else discarded++;
        return new(outcome, applied, discarded, duplicates, setAside);
    }
}
