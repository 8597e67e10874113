namespace Brook.Sqlite;

/// <summary>
/// Writes log records in the order of their arrival, each with the one before it in its log. So the records of a commit lie on a few pages, whatever entries they belong to, and the
/// place where a log ends stands in the entry's row, which is written anyway.
/// </summary>
internal sealed class Logs(Database database)
{
    private readonly Statement
        _append = database.Prepare("INSERT INTO log (before, place, record) VALUES (?1, ?2, ?3)"),
        _before = database.Prepare("SELECT before FROM log WHERE id = ?1"),
        _remove = database.Prepare("DELETE FROM log WHERE id = ?1");

    public void Append(ref LogHead head, long place, ReadOnlySpan<byte> record)
    {
        var number = head.Number();
        if (number < head.First)                                // so is all that is there
        {
            if (head.Last != 0) Remove(head.Last, number - head.Kept);
            head.Last = 0;
            return;
        }
        if (head.Last == 0) head.Kept = number;
        _append.Bind(1, head.Last == 0 ? null : head.Last);
        _append.Bind(2, place);
        _append.Bind(3, record);
        _append.Run();
        head.Last = database.LastId;
    }

    /// <summary>Removes what does not count any more when it is a third of what is there: the whole log is walked for it.</summary>
    public void Trim(ref LogHead head)
    {
        if (head.First - head.Kept < Math.Max(1, (head.Next - head.First) / 2)) return;
        var id = head.Last;
        for (var number = head.Next - 1; number >= head.First; number--) id = Before(id);
        Remove(id, head.First - head.Kept);
        head.Kept = head.First;
    }

    /// <summary>Removes all of it.</summary>
    public void Remove(in LogHead head)
    {
        if (head.Last != 0) Remove(head.Last, head.Next - head.Kept);
    }

    private void Remove(long id, long count)
    {
        for (; count > 0; count--)
        {
            var before = count > 1 ? Before(id) : 0;            // the oldest one's is removed already
            _remove.Bind(1, id);
            _remove.Run();
            id = before;
        }
    }

    private long Before(long id)
    {
        _before.Bind(1, id);
        if (!_before.Step()) throw database.MissesRecord(id);
        var before = _before.Number(0);
        _before.Reset();
        return before;
    }
}
