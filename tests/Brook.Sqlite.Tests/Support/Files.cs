using Brook.Sqlite.Tests.Support;

[assembly: AssemblyFixture(typeof(Files))]

namespace Brook.Sqlite.Tests.Support;

/// <summary>A folder for the files of all tests; each takes a file of its own.</summary>
public sealed class Files : IDisposable
{
    private static int s_files;
    private static Files? s_current;

    public Files() => s_current = this;

    /// <summary>For tests that are compiled here and know nothing of SQLite.</summary>
    public static Files Current => s_current!;

    public string Path { get; } = Directory.CreateTempSubdirectory("brook-sqlite-").FullName;

    /// <summary>A file that is not there yet.</summary>
    public string NewFile() => System.IO.Path.Combine(Path, $"view{Interlocked.Increment(ref s_files)}.db");

    /// <summary>An empty view in a file of its own. It need not outlive a loss of power.</summary>
    public SqliteViewStore Open(TimeProvider? time = null, string? path = null, SqliteDurability durability = SqliteDurability.Fast) => new(path ?? NewFile(), new SqliteStoreOptions { Durability = durability }, time);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
