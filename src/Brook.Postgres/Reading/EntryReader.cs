using Brook.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Brook.Postgres;

/// <summary>Reads entries and logs: each call is one statement, so one snapshot, and sees no commit in part.</summary>
internal sealed class EntryReader(PostgresConnection connection, string schema, PostgresValues values, TimeProvider time)
{
    private const int MostInAPage = 1000;
    private readonly Statements _sql = new(schema, values);

    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        var (collections, names) = (new string[keys.Length], new string[keys.Length]);
        for (var i = 0; i < keys.Length; i++) (collections[i], names[i]) = (Names.Escape(keys.Span[i].Collection), Names.Escape(keys.Span[i].Key));
        var command = new NpgsqlCommand(_sql.Read)
        {
            Parameters = { Text(collections), Text(names), Now() },
        };
        return connection.RunAsync(command, async (reader, token) =>
        {
            var found = new StoredEntry[collections.Length];
            while (await reader.ReadAsync(token).ConfigureAwait(false)) found[reader.GetInt32(0) - 1] = EntryOf(reader, 1);
            return found;
        }, cancellationToken);
    }

    /// <summary>In the order of code points.</summary>
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        size = Math.Min(size, MostInAPage);
        var end = Names.End(Names.Escape(prefix));
        var command = new NpgsqlCommand(_sql.Page(isFirst: after is null, hasEnd: end is not null))
        {
            Parameters = { Text(Names.Escape(collection)), Text(Names.Escape(after ?? prefix)), Now(), new() { Value = size + 1, NpgsqlDbType = NpgsqlDbType.Integer } },
        };
        if (end is not null) command.Parameters.Add(Text(end));
        return connection.RunAsync(command, async (reader, token) =>
        {
            var page = new List<KeyValuePair<string, StoredEntry>>();
            while (await reader.ReadAsync(token).ConfigureAwait(false))
            {
                if (page.Count == size) return new ViewPage<StoredEntry>(page, page[^1].Key);
                page.Add(new(Names.Unescape(reader.GetString(0)), EntryOf(reader, 1)));
            }
            return new(page, null);
        }, cancellationToken);
    }

    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(_sql.Count) { Parameters = { Text(Names.Escape(collection)), Now() } };
        return connection.RunAsync(command, async (reader, token) => await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : 0, cancellationToken);
    }

    public ValueTask<List<string>> ReadCollectionsAsync(CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(_sql.Collections) { Parameters = { Now() } };
        return connection.RunAsync(command, async (reader, token) =>
        {
            var collections = new List<string>();
            while (await reader.ReadAsync(token).ConfigureAwait(false)) collections.Add(Names.Unescape(reader.GetString(0)));
            return collections;
        }, cancellationToken);
    }

    public ValueTask<List<byte[]>> ReadLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(_sql.Log(ofType: type is not null))
        {
            Parameters = { Text(Names.Escape(entry.Collection)), Text(Names.Escape(entry.Key)), Now() },
        };
        if (type is not null) command.Parameters.Add(Text(Names.Escape(type)));
        return connection.RunAsync(command, async (reader, token) =>
        {
            var records = new List<byte[]>();
            while (await reader.ReadAsync(token).ConfigureAwait(false)) records.Add(reader.GetFieldValue<byte[]>(0));
            return records;
        }, cancellationToken);
    }

    /// <summary>Version, value and end, from this column on.</summary>
    public static StoredEntry EntryOf(NpgsqlDataReader reader, int column) => reader.GetInt64(column) is var version && version == 0 ? default
        : new(version, reader.GetFieldValue<byte[]>(column + 1), reader.IsDBNull(column + 2) ? null : new DateTimeOffset(reader.GetDateTime(column + 2)));

    private NpgsqlParameter Now() => new() { Value = time.GetUtcNow().UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz };

    private static NpgsqlParameter Text(string text) => new() { Value = text, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter Text(string[] texts) => new() { Value = texts, NpgsqlDbType = NpgsqlDbType.Text | NpgsqlDbType.Array };
}
