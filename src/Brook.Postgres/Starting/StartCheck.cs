using Microsoft.Extensions.Logging;
using Npgsql;

namespace Brook.Postgres;

/// <summary>What must be right before the first event: the server answers, is new enough and takes writes, the schema is there in our version, and this user may use it.</summary>
internal sealed class StartCheck(PostgresConnection connection, string schema, PostgresStoreOptions options, ILogger logger)
{
    private const int Oldest = 130000;

    /// <exception cref="BrookException">Something is not right; transient when the server is away.</exception>
    public async ValueTask RunAsync(CancellationToken cancellationToken)
        => connection.IsStarted = await connection.UseAsync(async open =>
        {
            var about = await AboutAsync(open, cancellationToken).ConfigureAwait(false);
            CheckServer(about);
            var version = await VersionAsync(open, about, cancellationToken).ConfigureAwait(false);
            if (version < PostgresSchema.Version)
            {
                await MigrateAsync(open, about, version, cancellationToken).ConfigureAwait(false);
                about = await AboutAsync(open, cancellationToken).ConfigureAwait(false);
                version = await VersionAsync(open, about, cancellationToken).ConfigureAwait(false);
            }
            if (version > PostgresSchema.Version)
                throw new BrookException($"The schema '{schema}' of PostgreSQL at {connection.Endpoint} is version {version}, of a newer Brook; this one reads {PostgresSchema.Version}. Nothing was written. Update this application, or give it another Schema.");
            CheckSchema(about);
            Log.Started(logger, schema, about.Version, connection.Endpoint);
            return true;
        }, cancellationToken).ConfigureAwait(false);

    private void CheckServer(Server about)
    {
        if (about.Number < Oldest) throw new BrookException($"PostgreSQL at {connection.Endpoint} is version {about.Version}; Brook needs {Oldest / 10_000} or newer. Update the server.");
        if (about.Encoding != "UTF8") throw new BrookException($"The database of PostgreSQL at {connection.Endpoint} has the encoding {about.Encoding}; Brook needs UTF8. Make a database with ENCODING 'UTF8'.");
        if (about.ReadOnly) throw new BrookException($"PostgreSQL at {connection.Endpoint} takes no writes now: it is a standby, or read-only. After a failover the pool finds the new primary when the connection string names all hosts; otherwise connect to the primary.") { IsTransient = true };
        if (about.Fsync == "off") Log.Forgets(logger, connection.Endpoint, "fsync", schema);
        else if (about.SynchronousCommit == "off") Log.Forgets(logger, connection.Endpoint, "synchronous_commit", schema);
    }

    private void CheckSchema(Server about)
    {
        if (about.Missing.Length > 0) throw Denied(about, about.Missing);
        var values = about.ValueType == "jsonb" ? PostgresValues.Jsonb : PostgresValues.Text;
        if (values != options.Values)
            throw new BrookException($"The schema '{schema}' of PostgreSQL at {connection.Endpoint} keeps values as {values}, and the options say Values = {options.Values}. Set Values = PostgresValues.{values}, or give this view another Schema and replay.");
    }

    private async ValueTask MigrateAsync(NpgsqlConnection open, Server about, int version, CancellationToken cancellationToken)
    {
        if (!options.CreateSchema)
            throw new BrookException($"PostgreSQL at {connection.Endpoint} has {(version == 0 ? $"no schema '{schema}'" : $"the schema '{schema}' in version {version}; this Brook needs {PostgresSchema.Version}")}, and CreateSchema is false. Let a DBA run PostgresSchema.Script(\"{schema}\"{(options.Values == PostgresValues.Text ? "" : ", PostgresValues.Jsonb")}) and PostgresSchema.Grants(...).");
        try
        {
            var command = new NpgsqlCommand(PostgresSchema.Script(schema, options.Values), open);
            await using (command.ConfigureAwait(false)) await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == "42501")
        {
            throw new BrookException($"PostgreSQL at {connection.Endpoint} does not let {about.User} make or change the schema '{schema}' ({e.SqlState}: {e.MessageText}). Let a DBA run PostgresSchema.Script and PostgresSchema.Grants, or grant it: GRANT CREATE ON DATABASE {about.Database} TO {about.User}", e);
        }
        Log.Migrated(logger, schema, connection.Endpoint, PostgresSchema.Version);
    }

    /// <summary>0: there is none.</summary>
    private async ValueTask<int> VersionAsync(NpgsqlConnection open, Server about, CancellationToken cancellationToken)
    {
        if (!about.HasSchema || about.Tables == 0) return 0;
        if (!about.MayUse) throw Denied(about, $"USAGE ON SCHEMA {PostgresSchema.Quoted(schema)}");
        if (about.Missing.Length > 0) throw Denied(about, about.Missing);
        if (about.Tables < 3) return 0;
        var command = new NpgsqlCommand(Statements.Version(schema), open);
        await using (command.ConfigureAwait(false)) return (int)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private BrookException Denied(Server about, string missing)
        => new($"PostgreSQL at {connection.Endpoint} does not allow {about.User} {missing}. Grant it, or all that Brook needs: PostgresSchema.Grants has the statements.");

    private async ValueTask<Server> AboutAsync(NpgsqlConnection open, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(Statements.About, open) { Parameters = { new() { Value = schema, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text } } };
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                return new(reader.GetInt32(0), reader.GetString(1), reader.GetString(2), reader.GetBoolean(3), reader.GetString(4), reader.GetString(5), reader.GetBoolean(6), reader.GetBoolean(7), reader.GetInt64(8),
                    Text(9), string.Join(", ", new[] { Text(10), Text(11) }.Where(text => text.Length > 0)), reader.GetString(12), reader.GetString(13));
            }

            string Text(int column) => reader.IsDBNull(column) ? "" : reader.GetString(column);
        }
    }

    private sealed record Server(int Number, string Version, string Encoding, bool ReadOnly, string Fsync, string SynchronousCommit, bool HasSchema, bool MayUse, long Tables, string ValueType, string Missing, string User, string Database);
}
