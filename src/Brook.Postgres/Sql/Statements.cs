namespace Brook.Postgres;

/// <summary>All SQL that is sent, beside schema.sql.</summary>
internal sealed class Statements(string schema, PostgresValues values)
{
    // The catalogs can be read by everybody; the tables perhaps not.
    public const string About = """
        SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding'), pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,
          current_setting('fsync'), current_setting('synchronous_commit'), n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
          (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname IN ('brook_schema', 'brook_entry', 'brook_log')),
          (SELECT format_type(a.atttypid, NULL) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = n.oid AND c.relname = 'brook_entry' AND a.attname = 'value'),
          (SELECT string_agg(p.name || ' ON ' || quote_ident($1) || '.' || p.tab, ', ' ORDER BY p.i) FROM
            unnest(ARRAY['brook_schema', 'brook_entry', 'brook_entry', 'brook_entry', 'brook_entry', 'brook_log', 'brook_log', 'brook_log'], ARRAY['SELECT', 'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'SELECT', 'INSERT', 'DELETE']) WITH ORDINALITY AS p (tab, name, i)
            JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tab WHERE NOT has_table_privilege(c.oid, p.name)),
          (SELECT string_agg('EXECUTE ON FUNCTION ' || quote_ident($1) || '.brook_commit', ', ') FROM pg_proc f WHERE f.pronamespace = n.oid AND f.proname = 'brook_commit' AND NOT has_function_privilege(f.oid, 'EXECUTE')),
          quote_ident(current_user), quote_ident(current_database())
        FROM (SELECT 1) one LEFT JOIN pg_namespace n ON n.nspname = $1
        """;

    private const string Live = "(e.expires_at IS NULL OR e.expires_at > ";
    private readonly string _entries = $"{PostgresSchema.Quoted(schema)}.brook_entry e", _logs = $"{PostgresSchema.Quoted(schema)}.brook_log l", _value = PostgresSchema.ReadOf(values, "e");

    /// <summary>$1, $2: collections and keys; $3: now.</summary>
    public string Read => $"SELECT w.i::int, e.version, {_value}, e.expires_at FROM unnest($1, $2) WITH ORDINALITY AS w (collection, key, i) JOIN {_entries} ON e.collection = w.collection AND e.key = w.key WHERE {Live}$3)";

    /// <summary>$1: now.</summary>
    public string Collections => $"SELECT DISTINCT e.collection FROM {_entries} WHERE {Live}$1)";

    /// <summary>$1: collection; $2: now.</summary>
    public string Count => $"SELECT count(*) FROM {_entries} WHERE e.collection = $1 AND {Live}$2)";

    /// <summary>$1: collection; $2: where it begins; $3: now; $4: how many; $5: where it ends.</summary>
    public string Page(bool isFirst, bool hasEnd)
        => $"SELECT e.key, e.version, {_value}, e.expires_at FROM {_entries} WHERE e.collection = $1 AND e.key {(isFirst ? ">=" : ">")} $2 {(hasEnd ? "AND e.key < $5 " : "")}AND {Live}$3) ORDER BY e.key LIMIT $4";

    /// <summary>$1, $2: collection and key; $3: now; $4: type.</summary>
    public string Log(bool ofType)
        => $"SELECT l.record FROM {_entries} JOIN {_logs} ON l.entry = e.id WHERE e.collection = $1 AND e.key = $2 AND {Live}$3){(ofType ? " AND l.type = $4" : "")} ORDER BY l.n";

    public static string Commit(string schema, int arguments)
        => $"SELECT place, found_version, found_value, found_end FROM {PostgresSchema.Quoted(schema)}.brook_commit({string.Join(", ", Enumerable.Range(1, arguments).Select(i => $"${i}"))})";

    public static string Version(string schema) => $"SELECT coalesce(max(version), 0) FROM {PostgresSchema.Quoted(schema)}.brook_schema";

    /// <summary>Removes so many expired entries; $1: now. Rows that a commit holds are left for the next time.</summary>
    public static string Sweep(string schema, int most) => $"""
        WITH dead AS (SELECT e.id, e.collection, e.key FROM {PostgresSchema.Quoted(schema)}.brook_entry e WHERE e.expires_at <= $1 ORDER BY e.expires_at LIMIT {most} FOR UPDATE SKIP LOCKED),
          gone AS (DELETE FROM {PostgresSchema.Quoted(schema)}.brook_entry e USING dead d WHERE e.collection = d.collection AND e.key = d.key AND e.id = d.id RETURNING e.id),
          logs AS (DELETE FROM {PostgresSchema.Quoted(schema)}.brook_log l USING gone g WHERE l.entry = g.id)
        SELECT count(*) FROM gone
        """;
}
