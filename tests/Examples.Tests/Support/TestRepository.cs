using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Examples.Tests.Support;

/// <summary>A git repository in a temporary directory, made from a fast-import stream: any bytes can be a name, and no user's configuration matters.</summary>
public sealed class TestRepository : IDisposable
{
    private readonly string _root = System.IO.Directory.CreateTempSubdirectory("brook-example-").FullName;
    private readonly MemoryStream _import = new();
    private int _commits;

    public TestRepository() => Run(["init", "--quiet", "--initial-branch=main", Directory], []);

    /// <summary>400 commits of 50 new files each, by 40 authors: a run takes long enough to be killed.</summary>
    public static TestRepository Large()
    {
        var (repository, next) = (new TestRepository(), 0);
        for (var commit = 0; commit < 400; commit++)
        {
            var changes = new StringBuilder();
            for (var i = 0; i < 50; i++) changes.Append(File(string.Create(CultureInfo.InvariantCulture, $"d{commit}/f{next++}")));
            repository.Commit(changes.ToString(), string.Create(CultureInfo.InvariantCulture, $"Author {commit % 40} <a@x>"));
        }
        return repository.Import();
    }

    public string Directory => Path.Combine(_root, "repository");

    /// <summary>A directory beside the repository that does not exist yet.</summary>
    public string Beside(string name) => Path.Combine(_root, name);

    /// <summary>Adds a commit: lines of git fast-import, Latin-1 (a character is a byte).</summary>
    public TestRepository Commit(string changes, string author = "Ann <ann@example.org>", string branch = "main", string? merge = null)
    {
        Write($"commit refs/heads/{branch}\nauthor {author} {1_700_000_000 + (_commits * 3600)} +0100\ncommitter C <c@example.org> 1700000000 +0000\ndata <<END\nCommit {_commits++}\nEND\n");
        if (merge is not null) Write($"merge refs/heads/{merge}\n");
        Write(changes + "\n");
        return this;
    }

    public TestRepository Branch(string name, string from)
    {
        Write($"reset refs/heads/{name}\nfrom refs/heads/{from}\n\n");
        return this;
    }

    /// <summary>A line for <see cref="Commit"/>: the file's name as it stands in the stream, C-quoted where needed.</summary>
    public static string File(string path, string content = "x", string mode = "100644")
        => string.Create(CultureInfo.InvariantCulture, $"M {mode} inline {path}\ndata {content.Length}\n{content}\n");

    public TestRepository Import()
    {
        Run(["-C", Directory, "fast-import", "--quiet"], _import.ToArray());
        _import.SetLength(0);
        return this;
    }

    public string Git(params string[] arguments) => Run(["-C", Directory, .. arguments], []);

    public void Dispose()
    {
        foreach (var file in new DirectoryInfo(_root).EnumerateFiles("*", SearchOption.AllDirectories)) file.IsReadOnly = false;
        System.IO.Directory.Delete(_root, recursive: true);
    }

    private void Write(string text) => _import.Write(Encoding.Latin1.GetBytes(text));

    private static string Run(string[] arguments, byte[] input)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.Latin1 })!;
        var error = git.StandardError.ReadToEndAsync();
        git.StandardInput.BaseStream.Write(input);
        git.StandardInput.Close();
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        return git.ExitCode == 0 ? output : throw new InvalidOperationException($"git {string.Join(' ', arguments)}: {error.Result}");
    }
}
