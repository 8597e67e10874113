using Brook.Lanes;

namespace Brook;

/// <summary>
/// A lane's rows of <c>$parked</c> as this process knows them. Thread safe: the lane, retries and those who wait look at it. Only the lane's owner adds rows, so what
/// is here may be more than there is (another process took a row away), never less: a key is taken for held too long, and never for free too early. What a store that went back has again is noticed by <see cref="ReleasedAt"/>.
/// </summary>
internal sealed class HeldRows
{
    private readonly Lock _lock = new();
    private Dictionary<string, HeldRow> _rows = [];
    private Dictionary<string, SortedSet<string>> _keys = [];           // held key -> its rows, in order
    private Dictionary<(Guid Message, long Offset), string> _positions = [];
    private Dictionary<Guid, string> _ids = [];
    private volatile int _count;
    private (long Version, long Epoch) _parking;
    private volatile bool _anyReleased;

    public int Count => _count;

    /// <summary>
    /// The version of the entry in <c>$parking</c>, which every release moves, as it was when rows were last found released; null: none were since the lane was opened. A commit that rests on
    /// their being gone checks it: a store that went back may have them again.
    /// </summary>
    public long? ReleasedAt
    {
        get
        {
            if (!_anyReleased) return null;
            lock (_lock) return _parking.Version;
        }
    }

    /// <summary>Rows were released. Told before they are removed here.</summary>
    public void Released(long version, long epoch)
    {
        lock (_lock)
        {
            if (!_anyReleased || epoch > _parking.Epoch) _parking = (version, epoch);
            _anyReleased = true;
        }
    }

    /// <summary>The entry in <c>$parking</c> was read. True: it was moved by later releases; else the store went back, or it is as it was.</summary>
    public bool Moved(long version, long epoch)
    {
        lock (_lock)
        {
            var isLater = epoch > _parking.Epoch;
            (_parking, _anyReleased) = ((version, epoch), true);
            return isLater;
        }
    }

    /// <summary>The last row that holds the key.</summary>
    public bool TryLastOf(string? key, out HeldRow row)
    {
        row = default;
        if (_count == 0 || key is null) return false;           // nothing is held: the happy path
        lock (_lock) return _keys.TryGetValue(key, out var rows) && _rows.TryGetValue(rows.Max!, out row);
    }

    /// <summary>The row's version as it was last seen; 0: it is not known.</summary>
    public long VersionOf(string rowId)
    {
        lock (_lock) return _rows.TryGetValue(rowId, out var row) ? row.Version : 0;
    }

    /// <summary>The rows that hold a key, in order.</summary>
    public List<string> RowsOf(string key)
    {
        lock (_lock) return _keys.TryGetValue(key, out var rows) ? [.. rows] : [];
    }

    /// <summary>The rows of these events.</summary>
    public List<string> RowsAt(IEnumerable<ReceiptSpan> spans)
    {
        if (_count == 0) return [];
        lock (_lock) return [.. spans.SelectMany(At)];
    }

    /// <summary>One of these events was set aside.</summary>
    public bool HoldsAny(ReceiptSpan span)
    {
        if (_count == 0) return false;
        lock (_lock) return At(span).Any();
    }

    public void Set(in HeldRow row)
    {
        lock (_lock)
        {
            if (_rows.TryGetValue(row.RowId, out var old)) Let(in old);
            Add(in row);
            _count = _rows.Count;
        }
    }

    public void Remove(string rowId)
    {
        lock (_lock)
        {
            if (!_rows.Remove(rowId, out var row)) return;
            Let(in row);
            _count = _rows.Count;
            if (_count == 0) Clear();
        }
    }

    /// <summary>All rows there are.</summary>
    public void Replace(IEnumerable<HeldRow> rows)
    {
        lock (_lock)
        {
            Clear();
            foreach (var row in rows) Add(in row);
            _count = _rows.Count;
        }
    }

    /// <summary>An event that came again, when it is set aside still: whoever waits for this one gets the same answer.</summary>
    public void CameAgain(Guid id, EventPosition position)
    {
        if (_count == 0) return;
        lock (_lock)
            if (_ids.TryGetValue(id, out var rowId)) _positions[(position.MessageId, position.Offset)] = rowId;
    }

    /// <summary>When the next row is to be tried; null: none is. Of a key only the first row counts.</summary>
    public DateTimeOffset? NextDue()
    {
        lock (_lock) return Firsts().Min(row => row.Due);
    }

    /// <summary>The first rows of keys, and rows that hold none, that are to be tried now.</summary>
    public List<HeldRow> DueAt(DateTimeOffset now)
    {
        lock (_lock) return [.. Firsts().Where(row => row.Due <= now).OrderBy(row => row.RowId, StringComparer.Ordinal)];
    }

    /// <summary>What is due still is tried later: somebody else is at it, or trying fails.</summary>
    public void Postpone(DateTimeOffset now, TimeSpan by)
    {
        lock (_lock)
            foreach (var row in Firsts().Where(row => row.Due <= now).ToList()) _rows[row.RowId] = row with { Due = now + by };
    }

    private IEnumerable<HeldRow> Firsts() => _rows.Values.Where(row => row.Holds is not { } key || _keys[key].Min == row.RowId);

    private IEnumerable<string> At(ReceiptSpan span)
    {
        if (span.Last - span.First >= _positions.Count)
        {
            foreach (var (position, row) in _positions)
                if (position.Message == span.MessageId && position.Offset >= span.First && position.Offset <= span.Last && _rows.ContainsKey(row)) yield return row;
            yield break;
        }
        for (var offset = span.First; offset <= span.Last; offset++)
            if (_positions.TryGetValue((span.MessageId, offset), out var row) && _rows.ContainsKey(row)) yield return row;
    }

    private void Add(in HeldRow row)
    {
        _rows[row.RowId] = row;
        _positions[(row.Position.MessageId, row.Position.Offset)] = row.RowId;
        if (row.EventId != default) _ids[row.EventId] = row.RowId;
        if (row.Holds is not { } key) return;
        if (!_keys.TryGetValue(key, out var rows)) _keys[key] = rows = new(StringComparer.Ordinal);
        rows.Add(row.RowId);
    }

    private void Let(in HeldRow row)
    {
        _positions.Remove((row.Position.MessageId, row.Position.Offset));
        if (_ids.GetValueOrDefault(row.EventId) == row.RowId) _ids.Remove(row.EventId);
        if (row.Holds is not { } key || !_keys.TryGetValue(key, out var rows)) return;
        rows.Remove(row.RowId);
        if (rows.Count == 0) _keys.Remove(key);
    }

    private void Clear() => (_rows, _keys, _positions, _ids) = ([], [], [], []);
}
