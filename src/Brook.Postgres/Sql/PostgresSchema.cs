using System.Globalization;
using System.Text;

namespace Brook.Postgres;

/// <summary>What a view needs in PostgreSQL, as SQL: for those who let nobody but a DBA make tables. The store runs the same script itself when it may.</summary>
public static class PostgresSchema
{
    /// <summary>The version that this package makes and reads.</summary>
    public const int Version = 2;

    private static readonly Lazy<string> s_script = new(() =>
    {
        using var stream = typeof(PostgresSchema).Assembly.GetManifestResourceStream("schema.sql")!;
        return new StreamReader(stream, Encoding.UTF8).ReadToEnd();
    });

    /// <summary>Makes the schema with its tables, or brings an older one up to date; may be run again at any time. It is a transaction of its own.</summary>
    /// <param name="schema">The schema: that of <see cref="PostgresStoreOptions.Schema"/>.</param>
    /// <param name="values">How values are kept: that of <see cref="PostgresStoreOptions.Values"/>.</param>
    /// <exception cref="BrookException">The name is not valid.</exception>
    public static string Script(string schema = PostgresStoreOptions.DefaultSchema, PostgresValues values = PostgresValues.Text)
    {
        PostgresStoreOptions.Validate(schema, values);
        var script = new StringBuilder(s_script.Value);
        foreach (var (place, text) in PartsOf(values)) script.Replace(place, text);
        return script.Replace("{version}", Version.ToString(CultureInfo.InvariantCulture)).Replace("{channel}", Literal(SignalSql.ChannelOf(schema))).Replace("{lock}", Literal(SignalSql.LockOf(schema))).Replace("{schema}", Quoted(schema)).Replace("{name}", Literal(schema)).ToString();
    }

    /// <summary>The grants that suffice for an application when a DBA has run <see cref="Script"/>: it can make, change and drop nothing.</summary>
    /// <param name="role">The application's role.</param>
    /// <param name="schema">The schema.</param>
    /// <exception cref="BrookException">A name is not valid.</exception>
    public static string Grants(string role, string schema = PostgresStoreOptions.DefaultSchema)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(role);
        PostgresStoreOptions.Validate(schema, PostgresValues.Text);
        var (to, at) = (Quoted(role), Quoted(schema));
        return $"""
            GRANT USAGE ON SCHEMA {at} TO {to};
            GRANT SELECT ON {at}.brook_schema, {at}.entries TO {to};
            GRANT SELECT, INSERT, UPDATE, DELETE ON {at}.brook_entry TO {to};
            GRANT SELECT, INSERT, DELETE ON {at}.brook_log TO {to};

            """.ReplaceLineEndings("\n");
    }

    internal static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>The text of an entry's value.</summary>
    internal static string ReadOf(PostgresValues values, string table) => values == PostgresValues.Jsonb ? $"coalesce({table}.raw, {table}.value::text)" : $"{table}.value";

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static (string Place, string Text)[] PartsOf(PostgresValues values) => values == PostgresValues.Jsonb
        ? [
            ("{value-columns}", "value jsonb,\n  raw text, -- what jsonb cannot hold: U+0000 and lone surrogates in strings"), ("{value-names}", "value, raw"), ("{read-e}", ReadOf(values, "e")),
            ("{put-value}", $"{Jsonb}, {Raw}"), ("{set-value}", $"value = {Jsonb}, raw = {Raw}"), ("{view-value}", "value"),
        ]
        : [
            ("{value-columns}", "value text,"), ("{value-names}", "value"), ("{read-e}", ReadOf(values, "e")),
            ("{put-value}", "convert_from(w.value, 'UTF8')"), ("{set-value}", "value = convert_from(w.value, 'UTF8')"), ("{view-value}", "value::json"),
        ];

    private const string Jsonb = "CASE WHEN w.action & 9 = 1 THEN convert_from(w.value, 'UTF8')::jsonb END", Raw = "CASE WHEN w.action & 9 = 9 THEN convert_from(w.value, 'UTF8') END";
}
