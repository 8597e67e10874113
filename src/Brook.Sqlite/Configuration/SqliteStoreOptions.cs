namespace Brook.Sqlite;

/// <summary>Plain data of a view in a SQLite file.</summary>
public sealed class SqliteStoreOptions
{
    /// <summary>What a commit has survived when it is answered.</summary>
    /// <value>The default is <see cref="SqliteDurability.Durable"/>.</value>
    public SqliteDurability Durability { get; set; }

    /// <summary>How long a call waits while another process holds the file. After that it fails in a way that may pass: lanes ask again.</summary>
    /// <value>The default is 10 seconds.</value>
    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often entries that have expired are removed. They are missing from their end on, whatever this is.</summary>
    /// <value>The default is one minute.</value>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <exception cref="BrookException">Something is out of range; all errors together.</exception>
    internal void Validate(string path)
    {
        var errors = new List<string>();
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal)) errors.Add($"The path is '{path?.Replace("\0", "\\0", StringComparison.Ordinal)}'; it must name a file: UseSqlite(\"view.db\").");
        else if (path.StartsWith(":memory:", StringComparison.OrdinalIgnoreCase)) errors.Add($"The path is '{path}'; a view in memory is what an instance has without a store.");
        else if (path.StartsWith("file:", StringComparison.OrdinalIgnoreCase) || path.Contains("Data Source=", StringComparison.OrdinalIgnoreCase)) errors.Add($"The path is '{path}'; it must be a path, not a URI or a connection string.");
        if (!Enum.IsDefined(Durability)) errors.Add($"Durability is {Durability}; it must be Durable or Fast.");
        if (BusyTimeout < TimeSpan.Zero || BusyTimeout > TimeSpan.FromHours(1)) errors.Add($"BusyTimeout is {BusyTimeout}; it must be 0 or more, and an hour at most.");
        if (SweepInterval <= TimeSpan.Zero || SweepInterval > TimeSpan.FromDays(1)) errors.Add($"SweepInterval is {SweepInterval}; it must be more than 0, and a day at most.");
        if (errors.Count > 0) throw new BrookException($"The options of the SQLite store are not valid:{string.Concat(errors.Select(error => $"\n  - {error}"))}");
    }
}
