namespace Brook.Sqlite;

/// <summary>What a commit has survived when it is answered. Neither ever leaves half of one.</summary>
public enum SqliteDurability
{
    /// <summary>Loss of power too: each commit is on the disk before it is answered (<c>synchronous=FULL</c>).</summary>
    Durable,

    /// <summary>The end of the process, <c>kill -9</c> too, but not that of the machine: at a loss of power the last commits may be gone, whole ones, and Brook goes on from where the file is
    /// (<c>synchronous=NORMAL</c>). For transports that bring the events again, and for views that a replay can bring back.</summary>
    Fast,
}
