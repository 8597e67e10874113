namespace Brook.Sqlite;

/// <summary>The tables, as steps from one version to the next. A file says in its header that it is Brook's (application_id) and which version it has (user_version).</summary>
internal sealed class Schema(params IReadOnlyList<string> steps)
{
    /// <summary>"Brok".</summary>
    public const int ApplicationId = 0x42726f6b;

    public static readonly Schema Current = new(Read("schema-1.sql"));

    public IReadOnlyList<string> Steps => steps;

    public int Version => steps.Count;

    /// <summary>Makes what is missing, in one transaction: a file has its old version or this one. Gives the version that it had.</summary>
    /// <exception cref="BrookException">The file is not Brook's, or a newer Brook's.</exception>
    public int Apply(Database database)
    {
        if (Look(database) == Version) return Version;
        database.Run("BEGIN IMMEDIATE");
        try
        {
            var from = Check(database);                         // another process may have been faster
            for (var version = from; version < Version; version++) database.Run(steps[version]);
            database.Run(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"PRAGMA application_id = {ApplicationId}; PRAGMA user_version = {Version}"));
            database.Commit();
            return from;
        }
        catch
        {
            database.Rollback();
            throw;
        }
    }

    /// <summary>The version of a file that may be written; 0: it is empty. All of it is seen at one moment: another process may be making the tables.</summary>
    /// <exception cref="BrookException">The file is not Brook's, or a newer Brook's.</exception>
    public int Look(Database database)
    {
        database.BeginReading();
        try { return Check(database); }
        finally { database.Rollback(); }
    }

    private int Check(Database database)
    {
        var (application, version) = (database.AskNumber("PRAGMA application_id"), database.AskNumber("PRAGMA user_version"));
        if (application == ApplicationId)
            return version <= Version ? version : throw new BrookException($"{database.Path} has schema version {version}; this version of Brook knows {Version} and older. Nothing was written. Update the application, or give it another path.");
        var there = database.Ask("SELECT group_concat(name, ', ') FROM (SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name LIMIT 5)");
        if (application == 0 && there.Length == 0) return 0;
        throw new BrookException($"{database.Path} is another program's database (application_id {application}{(there.Length == 0 ? "" : $", it has {there}")}). Nothing was written. Give the view a file of its own.");
    }

    private static string Read(string file)
    {
        using var reader = new StreamReader(typeof(Schema).Assembly.GetManifestResourceStream(file)!);
        return reader.ReadToEnd();
    }
}
