using System.Runtime.InteropServices;
using Brook.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Brook.Postgres;

/// <summary>A commit as the arguments of the function brook_commit: an array per column. Used by one call at a time.</summary>
internal sealed class CommitCall
{
    private const short Put = 1, Delete = 2, DropLog = 4, Raw = 8;
    private readonly PostgresValues _values;
    private readonly NpgsqlParameter[] _parameters;

    public CommitCall(string schema, PostgresValues values)
    {
        _values = values;
        (NpgsqlDbType Type, bool Array)[] types =
        [
            (NpgsqlDbType.Text, true), (NpgsqlDbType.Text, true), (NpgsqlDbType.Smallint, true), (NpgsqlDbType.Bigint, true), (NpgsqlDbType.Bytea, true), (NpgsqlDbType.TimestampTz, true),
            (NpgsqlDbType.Bigint, false), (NpgsqlDbType.TimestampTz, false), (NpgsqlDbType.Integer, false), (NpgsqlDbType.Integer, false),
            (NpgsqlDbType.Boolean, false), (NpgsqlDbType.Boolean, false), (NpgsqlDbType.Boolean, false), (NpgsqlDbType.Boolean, false),
            (NpgsqlDbType.Text, true), (NpgsqlDbType.Text, true), (NpgsqlDbType.Text, true), (NpgsqlDbType.Integer, true), (NpgsqlDbType.Integer, true), (NpgsqlDbType.Bytea, true),
        ];
        _parameters = [.. types.Select(type => new NpgsqlParameter { NpgsqlDbType = type.Array ? type.Type | NpgsqlDbType.Array : type.Type })];
        Command = new(Statements.Commit(schema, types.Length));
        Command.Parameters.AddRange(_parameters);
    }

    public NpgsqlCommand Command { get; }

    /// <summary>Sets all arguments; nothing of the commit's memory is needed when the call has ended.</summary>
    public void Write(Commit commit, DateTimeOffset now)
    {
        var count = commit.Entries.Length;
        var (collections, keys, actions, expected, values, ends) = (new string[count], new string[count], new short[count], new long?[count], new byte[count][], new DateTime?[count]);
        var (toMatch, toWrite, updates, inserts, drops, deletes) = (0, 0, false, false, false, false);
        for (var i = 0; i < count; i++)
        {
            ref readonly var entry = ref commit.Entries[i];
            var put = entry.Action == EntryAction.Put;
            (collections[i], keys[i]) = (Names.Escape(entry.Entry.Collection), Names.Escape(entry.Entry.Key));
            actions[i] = ActionOf(in entry);
            expected[i] = entry.Expected;
            values[i] = put ? BytesOf(entry.Value) : [];
            ends[i] = put ? entry.ExpiresAt?.UtcDateTime : null;
            if (entry.Expected is not (null or 0)) toMatch++;
            if (put || entry.Expected == 0) toWrite++;
            updates |= put && entry.Expected != 0;
            inserts |= entry.Expected == 0 || (put && entry.Expected is null);
            drops |= put && entry.DropLog;
            deletes |= entry.Action == EntryAction.Delete || (!put && entry.Expected == 0);
        }
        Set(collections, keys, actions, expected, values, ends, commit.Version, now.UtcDateTime, toMatch, toWrite, updates, inserts, drops, deletes);
        WriteAppends(commit, collections, keys);
    }

    private void WriteAppends(Commit commit, string[] entryCollections, string[] entryKeys)
    {
        var appends = commit.Appends;
        var logs = new Dictionary<(int, string), Log>();
        foreach (ref readonly var append in appends)
        {
            ref var log = ref CollectionsMarshal.GetValueRefOrAddDefault(logs, (append.Index, append.Type), out var known);
            if (!known) log.Room = int.MaxValue;
            log.Room = Math.Min(log.Room, append.Keep - ++log.Count);
        }
        var kept = 0;
        foreach (var log in logs.Values) kept += log.Count + Math.Min(log.Room, 0);
        var (collections, keys, types, ranks, rooms, records) = (new string[kept], new string[kept], new string[kept], new int[kept], new int[kept], new byte[kept][]);
        var at = 0;
        foreach (ref readonly var append in appends)
        {
            ref var log = ref CollectionsMarshal.GetValueRefOrNullRef(logs, (append.Index, append.Type));
            var rank = ++log.Rank + Math.Min(log.Room, 0);
            if (rank <= 0) continue;                    // this very commit has enough newer ones
            (collections[at], keys[at], types[at], ranks[at], rooms[at]) = (entryCollections[append.Index], entryKeys[append.Index], Names.Escape(append.Type), rank, Math.Max(log.Room, 0));
            records[at++] = BytesOf(append.Record);
        }
        object[] arguments = [collections, keys, types, ranks, rooms, records];
        for (var i = 0; i < arguments.Length; i++) _parameters[14 + i].Value = arguments[i];
    }

    private short ActionOf(in CommitEntry entry) => entry.Action switch
    {
        EntryAction.Put => (short)(Put | (entry.DropLog ? DropLog : 0) | (_values == PostgresValues.Jsonb && !Jsonb.Holds(entry.Value.Span) ? Raw : 0)),
        EntryAction.Delete => Delete,
        _ => 0,
    };

    private void Set(params ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++) _parameters[i].Value = values[i];
    }

    private static byte[] BytesOf(ReadOnlyMemory<byte> memory)
        => MemoryMarshal.TryGetArray(memory, out var segment) && segment is { Offset: 0, Array: { } array } && array.Length == segment.Count ? array : memory.ToArray();

    /// <summary>Of one entry and type: how many this commit appends, and how many older ones may stay; less than 0: so many of its own may not.</summary>
    private struct Log
    {
        public int Count, Room, Rank;
    }
}
