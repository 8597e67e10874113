using Microsoft.Extensions.Logging;

namespace Brook.Sqlite;

/// <summary>What must be right before the first event: the file can be opened and written, and it is empty, ours, or an older one of ours.</summary>
internal sealed class StartCheck(string path, SqliteStoreOptions options, Schema schema, ILogger logger)
{
    // Megabytes are written to the log before they are copied into the file: a page that was written often meanwhile is copied once. After a burst the log is made shorter again.
    // Not more than a part of a small disk: a log that fills it leaves no room for the file to grow, and then it could not be copied.
    private const int CheckpointPages = 16_000, LeastCheckpointPages = 100, PageBytes = 4096, PartOfDisk = 4, LogBytesKept = 64 << 20, CacheKilobytes = 65_536;

    /// <summary>Opens the writer's connection.</summary>
    /// <exception cref="BrookException">Something is not right.</exception>
    public Database Run()
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder && !Directory.Exists(folder)) throw new BrookException($"The folder of {path} is not there. Make it, or correct the path.");
        if (Directory.Exists(path)) throw new BrookException($"{path} is a folder. The path must name a file.");
        var database = Database.Open(path, create: true);
        try
        {
            schema.Look(database);                              // before anything is changed in a file that is not ours
            if (database.IsReadOnly) throw SqliteFailure.ReadOnly(path, "it could be opened for reading only");
            var mode = database.Ask("PRAGMA journal_mode = WAL");
            if (mode != "wal") throw new BrookException($"{path} cannot have a write-ahead log (its journal mode stays '{mode}'): the file system does not let processes share memory. Use a local disk.");
            database.Run(string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"PRAGMA synchronous = {(options.Durability == SqliteDurability.Durable ? "FULL" : "NORMAL")}; PRAGMA wal_autocheckpoint = {PagesOfLog(path)}; PRAGMA journal_size_limit = {LogBytesKept}; PRAGMA cache_size = -{CacheKilobytes}; PRAGMA temp_store = MEMORY"));
            var from = schema.Apply(database);
            if (from != schema.Version && from != 0) Log.Migrated(logger, path, from, schema.Version);
            database.Run("BEGIN IMMEDIATE");                    // may it be written?
            database.Rollback();
            Log.Started(logger, path, database.Version, schema.Version, options.Durability);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private static long PagesOfLog(string path)
    {
        try { return Math.Clamp(new DriveInfo(Path.GetDirectoryName(path)!).AvailableFreeSpace / PartOfDisk / PageBytes, LeastCheckpointPages, CheckpointPages); }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException) { return CheckpointPages; }      // nobody can say
    }
}
