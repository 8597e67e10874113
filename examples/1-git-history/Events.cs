namespace GitHistory;

/// <summary>A commit on the first-parent line.</summary>
/// <param name="Id">Its full hash.</param>
/// <param name="Author">Who wrote it; also the key of its <see cref="CommitMade"/>.</param>
/// <param name="Subject">The first line of its message, cut short.</param>
public sealed record Commit(string Id, string Author, string Subject);

/// <summary><c>file:added</c>, with its path as the key.</summary>
public sealed record FileAdded(string Path, Commit Commit);

/// <summary><c>file:modified</c>: content, mode or type (a file became a symbolic link or a submodule).</summary>
public sealed record FileModified(string Path, Commit Commit);

/// <summary><c>file:deleted</c>.</summary>
public sealed record FileDeleted(string Path, Commit Commit);

/// <summary><c>commit:made</c>, sent after the commit's file events: only then is the number of them known.</summary>
public sealed record CommitMade(Commit Commit, int Changes);

/// <summary><c>history:read</c>, sent when everything up to a commit is in the view: where the next run goes on.</summary>
/// <param name="Commit">The commit's full hash; empty: nothing is known to be in the view.</param>
/// <param name="Commits">How many commits that makes.</param>
/// <param name="Head">The end of the history that is being read: the view may have events up to it, and has none of another history.</param>
public sealed record HistoryRead(string Commit, int Commits, string Head);

/// <summary><c>history:passed</c>, sent to each partition behind other events: when it is in the view, so are they. Only where other processes may handle them.</summary>
public sealed record HistoryPassed(string Run, int Number);
