using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Brook;

namespace GitHistory;

/// <summary>Something the user can understand and mend: its message is all that is shown.</summary>
public sealed class GitException(string message) : Exception(message);

/// <summary>A git repository as it stood when it was opened: new commits do not disturb the run.</summary>
/// <param name="Line">The hashes of the first-parent line, from <paramref name="Head"/> back.</param>
public sealed record Repository(string Directory, string Head, string[] Line, bool IsBare, bool IsShallow)
{
    public int Commits => Line.Length;
    public string FirstCommit => Line[^1];

    // Set in a git hook, for instance: they would make git look elsewhere than at the directory.
    private static readonly string[] Elsewhere =
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_PREFIX"];

    /// <exception cref="GitException">No git, no directory, no repository or no commits.</exception>
    public static async Task<Repository> OpenAsync(string directory)
    {
        directory = Path.GetFullPath(directory);
        if (!System.IO.Directory.Exists(directory)) throw new GitException($"There is no directory '{directory}'. Name one inside a git repository.");
        var about = await AskAsync(directory, "rev-parse", "--is-bare-repository", "--is-shallow-repository");
        if (about.Error is not null) throw new GitException($"'{directory}' is not in a git repository that can be read. git says: {about.Error}");
        var head = await AskAsync(directory, "rev-parse", "--quiet", "--verify", "HEAD^{commit}");
        if (head.Error is not null) throw new GitException($"The git repository at '{directory}' has no commits (HEAD names none), so there is no history to fold. Commit something first.");
        var line = await AskAsync(directory, "rev-list", "--first-parent", head.Output, "--");
        if (line.Error is not null) throw new GitException($"The history of '{directory}' cannot be read. git says: {line.Error}");
        var facts = about.Output.Split('\n');
        return new(directory, head.Output, line.Output.Split('\n'), facts[0] == "true", facts[^1] == "true");
    }

    /// <summary>How many commits of the first-parent line come after one that the view has read up to.</summary>
    /// <exception cref="GitException">That one is not on the line.</exception>
    public int CommitsSince(HistoryRead read)
    {
        // What was being read counts, not how far it got: a run that was killed leaves events of later commits.
        if (Array.IndexOf(Line, read.Head) >= 0 && (read.Commit.Length == 0 ? Commits : Array.IndexOf(Line, read.Commit)) is var commits and >= 0) return commits;
        throw new GitException($"The view has the history up to commit {read.Head}, or a part of it, and that commit is not on the first-parent line of {Head}: the history was rewritten, or this is another branch. Give this one a view of its own with --namespace, or --path.");
    }

    /// <summary>What git itself counts.</summary>
    /// <exception cref="GitException">git failed; the message has its words.</exception>
    public Work Count(CancellationToken cancellationToken)
        => Read(GitLog.Command, null, output => GitLog.Parse(output), cancellationToken).Aggregate(default(Work), (sum, e) => e is BrookEvent<CommitMade> made ? sum.Plus(made.Data.Changes) : sum);

    /// <summary>Reads what git writes while it writes. Blocks, as git's pipe does; a failure of git comes at the end.</summary>
    /// <exception cref="GitException">git failed; the message has its words.</exception>
    public IEnumerable<T> Read<T>(string[] command, string? since, Func<Stream, IEnumerable<T>> parse, CancellationToken cancellationToken)
    {
        using var git = Start(Directory, since is null ? [.. command, Head, "--"] : [.. command, Head, $"^{since}", "--"]);
        using var stop = cancellationToken.Register(() => git.Kill(entireProcessTree: true));
        var error = git.StandardError.ReadToEndAsync(CancellationToken.None);
        using var items = parse(git.StandardOutput.BaseStream).GetEnumerator();
        while (MoveNext()) yield return items.Current;
        Check();

        bool MoveNext()
        {
            try { return items.MoveNext(); }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                Check();                                    // cut short because git failed: its words say more
                throw new GitException($"What git says about '{Directory}' cannot be understood: {e.Message}");
            }
        }

        void Check()
        {
            git.WaitForExit();
            cancellationToken.ThrowIfCancellationRequested();
            if (git.ExitCode != 0) throw new GitException($"The history of '{Directory}' cannot be read to its end. git says: {Words(error.Result, git.ExitCode)}");
        }
    }

    /// <summary>The paths of the tree at <see cref="Head"/>, submodules and symbolic links too.</summary>
    public IEnumerable<string> ListTree(CancellationToken cancellationToken) => Read(["ls-tree", "-r", "-z", "--full-tree", "--name-only"], null, Paths, cancellationToken);

    private static IEnumerable<string> Paths(Stream output)
    {
        var reader = new NulReader(output);
        while (Next() is { } path) yield return path;

        string? Next() => reader.TryRead(out var piece) ? Names.Text(piece) : null;
    }

    private static async Task<(string Output, string? Error)> AskAsync(string directory, params string[] command)
    {
        using var git = Start(directory, command);
        var (output, error) = (git.StandardOutput.ReadToEndAsync(), git.StandardError.ReadToEndAsync());
        await git.WaitForExitAsync();
        return ((await output).Trim(), git.ExitCode == 0 ? null : Words(await error, git.ExitCode));
    }

    private static string Words(string error, int exitCode) => error.Trim() is { Length: > 0 } words ? words : string.Create(CultureInfo.InvariantCulture, $"nothing, and ends with code {exitCode}");

    private static Process Start(string directory, string[] command)
    {
        var start = new ProcessStartInfo("git", ["-C", directory, "--no-pager", "--no-replace-objects", .. command])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["LC_ALL"] = "C" },
        };
        foreach (var variable in Elsewhere) start.Environment.Remove(variable);
        try { return Process.Start(start)!; }
        catch (Win32Exception e) { throw new GitException($"git cannot be started ({e.Message}). Install it, or put its directory into PATH."); }
    }
}
