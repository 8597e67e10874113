using Brook.Storage;

namespace Brook.Sqlite;

/// <summary>A commit on its way, or a sweep. Its task ends when the writer has done with it: until then the commit's memory is in use.</summary>
internal sealed class WriteCall(Commit? commit, CancellationToken cancellationToken) : TaskCompletionSource<CommitResult>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    /// <summary>Null: remove some entries that have expired.</summary>
    public Commit? Commit { get; } = commit;

    /// <summary>What it will be answered when the transaction is committed.</summary>
    public CommitResult Answer { get; set; }

    /// <summary>How many entries a sweep has removed.</summary>
    public int Swept { get; set; }

    public CancellationToken CancellationToken { get; } = cancellationToken;
}
