using System.Text;

namespace Brook.Postgres;

/// <summary>Plain data of a view in PostgreSQL. Server, user, password, TLS, pool and timeouts are Npgsql's: the connection string, or a data source.</summary>
public sealed class PostgresStoreOptions
{
    internal const string DefaultSchema = "brook";
    internal const int MaxSchemaBytes = 63;

    /// <summary>The schema with the tables of this view. Nodes that share a view share it; two views must not.</summary>
    /// <value>The default is the Brook instance's name: <c>brook</c>, unless it has one.</value>
    public string? Schema { get; set; }

    /// <summary>How values are kept; fixed when the schema is made.</summary>
    /// <value>The default is <see cref="PostgresValues.Text"/>: byte for byte.</value>
    public PostgresValues Values { get; set; }

    /// <summary>Makes the schema, and brings an older one up to date, at start. False: a DBA does, with <see cref="PostgresSchema.Script"/>.</summary>
    /// <value>The default is true.</value>
    public bool CreateSchema { get; set; } = true;

    /// <summary>How often entries that have expired are removed. They are missing from their end on, whatever this is.</summary>
    /// <value>The default is one minute.</value>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <exception cref="BrookException">Something is out of range; all errors together.</exception>
    internal static void Validate(string? schema, PostgresValues values, TimeSpan? sweep = null)
    {
        var errors = new List<string>();
        if (string.IsNullOrWhiteSpace(schema) || schema.Any(char.IsControl) || schema.StartsWith("pg_", StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(schema) > MaxSchemaBytes)
            errors.Add($"Schema is '{schema}'; it must have 1 to {MaxSchemaBytes} bytes without control characters, and not begin with pg_.");
        if (!Enum.IsDefined(values)) errors.Add($"Values is {values}; it must be Text or Jsonb.");
        if (sweep <= TimeSpan.Zero || sweep > TimeSpan.FromDays(1)) errors.Add($"SweepInterval is {sweep}; it must be more than 0, and a day at most.");
        if (errors.Count > 0) throw new BrookException($"The options of the PostgreSQL store are not valid:{string.Concat(errors.Select(error => $"\n  - {error}"))}");
    }
}
