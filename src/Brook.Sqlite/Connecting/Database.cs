using System.Globalization;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Brook.Sqlite;

/// <summary>One open connection with its prepared statements. Used by one thread at a time. Nothing waits in here: a lock that another holds is a <see cref="BusyException"/> at once.</summary>
internal sealed class Database : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, long> _collections = [], _types = [];
    private readonly List<Statement> _statements = [];
    private Statement? _findCollection, _findType, _begin, _commit, _rollback;

    private Database(SqliteConnection connection, string path) => (_connection, Path) = (connection, path);

    public string Path { get; }

    public sqlite3 Handle => _connection.Handle!;

    public string Version => _connection.ServerVersion;

    public bool IsReadOnly => raw.sqlite3_db_readonly(Handle, "main") == 1;

    public long LastId => raw.sqlite3_last_insert_rowid(Handle);

    /// <exception cref="BrookException">It cannot be opened.</exception>
    public static Database Open(string path, bool create)
    {
        var text = new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 0, Mode = create ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite };
        var connection = new SqliteConnection(text.ToString());
        try
        {
            connection.Open();
            _ = raw.sqlite3_busy_timeout(connection.Handle!, 0);
            _ = raw.sqlite3_extended_result_codes(connection.Handle!, 1);
            return new(connection, path);
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw SqliteFailure.Of(e.SqliteExtendedErrorCode, e.Message, path, e);
        }
    }

    public Statement Prepare(string sql)
    {
        var result = raw.sqlite3_prepare_v3(Handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var handle);
        if (result != raw.SQLITE_OK) throw Failure(result);
        var statement = new Statement(this, handle);
        _statements.Add(statement);
        return statement;
    }

    /// <summary>Runs one or more statements that are not run often.</summary>
    public void Run(string sql)
    {
        var result = raw.sqlite3_exec(Handle, sql);
        if (result != raw.SQLITE_OK) throw Failure(result);
    }

    /// <summary>The first column of the first row, as text.</summary>
    public string Ask(string sql)
    {
        var result = raw.sqlite3_prepare_v2(Handle, sql, out var statement);
        if (result != raw.SQLITE_OK) throw Failure(result);
        using (statement)
            return raw.sqlite3_step(statement) switch
            {
                raw.SQLITE_ROW => raw.sqlite3_column_text(statement, 0).utf8_to_string() ?? "",
                raw.SQLITE_DONE => "",
                var failed => throw Failure(failed),
            };
    }

    public int AskNumber(string sql) => int.Parse(Ask(sql), CultureInfo.InvariantCulture);

    /// <summary>Begins a transaction that only reads; it sees one moment.</summary>
    public void BeginReading() => (_begin ??= Prepare("BEGIN")).Run();

    public void Commit() => (_commit ??= Prepare("COMMIT")).Run();

    /// <summary>SQLite has done it itself after some errors.</summary>
    public void Rollback()
    {
        if (raw.sqlite3_get_autocommit(Handle) == 0) (_rollback ??= Prepare("ROLLBACK")).Run();
    }

    /// <summary>Copies the log into the file and gives its room back; a reader that is under way, or a disk that is too full, may not let it.</summary>
    public void TryToShortenLog() => _ = raw.sqlite3_exec(Handle, "PRAGMA wal_checkpoint(TRUNCATE)");

    /// <summary>Null: the file does not have it. An id stays what it is, so it is remembered.</summary>
    public long? FindCollection(string name) => Find(_collections, name, _findCollection ??= Prepare("SELECT id FROM collections WHERE name = ?1"));

    /// <summary>Null: the file does not have it.</summary>
    public long? FindType(string name) => Find(_types, name, _findType ??= Prepare("SELECT id FROM types WHERE name = ?1"));

    /// <summary>What was found may have been rolled back.</summary>
    public void ForgetNames()
    {
        _collections.Clear();
        _types.Clear();
    }

    public BrookException Failure(int result) => SqliteFailure.Of(result, raw.sqlite3_errmsg(Handle).utf8_to_string() ?? "", Path);

    public BrookException MissesRecord(long id) => SqliteFailure.Of(raw.SQLITE_CORRUPT, string.Create(CultureInfo.InvariantCulture, $"log record {id} is missing"), Path);

    public void Dispose()
    {
        foreach (var statement in _statements) statement.Dispose();
        _connection.Dispose();
    }

    private static long? Find(Dictionary<string, long> names, string name, Statement find)
    {
        if (names.TryGetValue(name, out var id)) return id;
        find.Bind(1, name);
        if (!find.Step()) return null;
        id = find.Number(0);
        find.Reset();
        return names[name] = id;
    }
}
