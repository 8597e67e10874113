using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>What a batch does to <c>$parked</c>: a lane adds rows, a retry takes them away or puts them again.</summary>
internal interface ISetAside
{
    /// <summary>How many new rows the batch has: each gets a number of the lane's.</summary>
    int Staged { get; }

    /// <summary>Events of this key wait behind one that was set aside.</summary>
    bool Holds(string? key);

    /// <summary>Finds what is to be written.</summary>
    void Stage();

    /// <summary>Adds it to the commit; new rows are numbered from <paramref name="number"/> on.</summary>
    void AddTo(long number);

    /// <summary>A row was not as expected. Committed: look again and go round; else the batch is over.</summary>
    ValueTask<BatchOutcome> ConflictAsync(EntryKey row, StoredEntry current, CancellationToken cancellationToken);

    /// <summary>The commit landed.</summary>
    void Committed();
}
