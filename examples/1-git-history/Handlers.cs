using Brook;
using static Brook.Change;

namespace GitHistory;

/// <summary>What the tree looks like now. All events of one file have its path as their key, so they arrive in order, whatever the number of partitions.</summary>
public sealed class FilesHandler : IBrookHandler<FileAdded>, IBrookHandler<FileModified>, IBrookHandler<FileDeleted>
{
    public static readonly ViewCollection<FileState> Files = "files";

    public Changes Handle(BrookEvent<FileAdded> e) => Create(Files, e.Key!, new FileState(e.Data.Commit.Author, e.Data.Commit.Id, 1));

    public Changes Handle(BrookEvent<FileModified> e) => Merge(Files, e.Key!, file => new FileState(e.Data.Commit.Author, e.Data.Commit.Id, file!.Changes + 1));

    public Changes Handle(BrookEvent<FileDeleted> e) => Delete(Files, e.Key!);
}

/// <summary>
/// Who works, and when. Sums do not mind the order, so a function merges them. Only commits count here, not single file changes: the events of one author are
/// on one partition then, and nobody else writes his sum. Days are shared by all partitions: two that merge into one day at once conflict, and the second
/// adds to the first one's sum again.
/// </summary>
public sealed class CommitsHandler : IBrookHandler<CommitMade>
{
    public static readonly ViewCollection<Work> Authors = "authors";
    public static readonly ViewCollection<Work> Days = "days";

    public Changes Handle(BrookEvent<CommitMade> e) =>
    [
        Merge(Authors, e.Key!, sum => sum.Plus(e.Data.Changes)),
        Merge(Days, $"{e.CreatedAt.UtcDateTime:yyyy-MM-dd}", sum => sum.Plus(e.Data.Changes)),
    ];
}

/// <summary>How far the history is in the view: what a run that begins with a view that is there already needs to know.</summary>
public sealed class HistoryHandler : IBrookHandler<HistoryRead>, IBrookHandler<HistoryPassed>
{
    public const string Key = "read";
    public static readonly ViewCollection<HistoryRead> History = "history";
    public static readonly ViewCollection<HistoryPassed> Passed = "passed";

    public Changes Handle(BrookEvent<HistoryRead> e) => Create(History, Key, e.Data);

    public Changes Handle(BrookEvent<HistoryPassed> e) => Create(Passed, e.Key!, e.Data);
}

/// <summary>A file as the last event left it. <paramref name="Changes"/> counts from when it was added (last).</summary>
public sealed record FileState(string LastAuthor, string LastCommit, int Changes);

/// <summary>How much was done; <c>default</c> is nothing, which is what the first merge meets.</summary>
public readonly record struct Work(int Commits, int Changes)
{
    public Work Plus(int changes) => new(Commits + 1, Changes + changes);
}
