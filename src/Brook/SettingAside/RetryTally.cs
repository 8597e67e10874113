namespace Brook;

/// <summary>What has become of rows so far. Not thread safe.</summary>
internal sealed class RetryTally
{
    private readonly HashSet<string> _over = [], _blocked = [];     // rows; keys whose first event failed
    private readonly List<ParkedEvent> _failed = [];
    private int _applied, _behind;

    /// <summary>Somebody else has taken a row away.</summary>
    public bool FoundGone { get; private set; }

    /// <summary>There is nothing more to do with the row; one that stands behind a failed one is counted.</summary>
    public bool IsOver(string rowId, string? holds)
    {
        if (_over.Contains(rowId)) return true;
        if (holds is null || !Blocks(holds)) return false;
        _over.Add(rowId);
        _behind++;
        return true;
    }

    public bool Blocks(string key) => _blocked.Contains(key);

    public void Applied(ParkedEvent row)
    {
        _over.Add(row.RowId);
        _applied++;
    }

    /// <summary>It failed, or must not be tried now: what it failed with stands.</summary>
    public void Failed(ParkedEvent row)
    {
        if (!_over.Add(row.RowId)) return;
        _failed.Add(row);
        if (row.Holds is { } key) _blocked.Add(key);
    }

    public void Gone(string rowId)
    {
        _over.Add(rowId);
        FoundGone = true;
    }

    public RetryResult Result() => new(_applied, _failed, _behind);
}
