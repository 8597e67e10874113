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
