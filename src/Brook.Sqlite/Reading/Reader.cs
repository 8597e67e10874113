using Brook.Storage;

namespace Brook.Sqlite;

/// <summary>A reading connection: every read is one transaction, which sees the file as it was when it began, whatever is written meanwhile.</summary>
internal sealed class Reader(Database database) : IDisposable
{
    private readonly Statement
        _entry = database.Prepare("SELECT version, expires, value, log FROM entries WHERE collection = ?1 AND key = ?2"),
        _pageFrom = database.Prepare("SELECT key, version, expires, value FROM entries WHERE collection = ?1 AND key >= ?2 AND key < ?3 AND (expires IS NULL OR expires > ?4) ORDER BY key LIMIT ?5"),
        _pageAfter = database.Prepare("SELECT key, version, expires, value FROM entries WHERE collection = ?1 AND key > ?2 AND key < ?3 AND (expires IS NULL OR expires > ?4) ORDER BY key LIMIT ?5"),
        _count = database.Prepare("SELECT entries - (SELECT count(*) FROM entries WHERE expires <= ?2 AND collection = ?1) FROM collections WHERE id = ?1"),
        _collections = database.Prepare("SELECT name FROM collections WHERE entries > 0"),
        _record = database.Prepare("SELECT before, place, record FROM log WHERE id = ?1");

    public static Reader Open(string path)
    {
        var database = Database.Open(path, create: false);
        try
        {
            database.Run("PRAGMA query_only = 1; PRAGMA cache_size = -8192");
            return new(database);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Everything read in here is of one moment.</summary>
    public T AtOneMoment<TState, T>(TState state, Func<Reader, TState, T> read)
    {
        database.BeginReading();
        try
        {
            var answer = read(this, state);
            database.Commit();
            return answer;
        }
        catch
        {
            database.Rollback();
            throw;
        }
    }

    public StoredEntry Read(EntryKey key, long now) => Find(key, now).Entry;

    public ViewPage<StoredEntry> ReadPage(string collection, string prefix, string? after, int size, long now)
    {
        if (database.FindCollection(collection) is not { } id) return new([], null);
        var select = after is null ? _pageFrom : _pageAfter;
        select.Bind(1, id);
        select.Bind(2, after ?? prefix);
        select.Bind(3, prefix, behind: 0xff);                   // UTF-8 has no such byte, so it ends a prefix
        select.Bind(4, now);
        select.Bind(5, size);
        var entries = new List<KeyValuePair<string, StoredEntry>>();
        while (select.Step()) entries.Add(new(select.Text(0), new(select.Number(1), select.Bytes(3), Moment.From(select.NumberOrNull(2)))));
        return new(entries, entries.Count == size ? entries[^1].Key : null);
    }

    public long Count(string collection, long now)
    {
        if (database.FindCollection(collection) is not { } id) return 0;
        _count.Bind(1, id);
        _count.Bind(2, now);
        _count.Step();
        var count = _count.Number(0);
        _count.Reset();
        return count;
    }

    public List<string> ReadCollections()
    {
        var collections = new List<string>();
        while (_collections.Step()) collections.Add(_collections.Text(0));
        return collections;
    }

    /// <summary>From the newest record back to the first one that counts, type by type; then in the order in which they came.</summary>
    public List<ReadOnlyMemory<byte>> ReadLog(EntryKey key, string? type, long now)
    {
        var wanted = type is null ? null : database.FindType(type);
        if (type is not null && wanted is null) return [];
        var records = new List<(long Place, byte[] Record)>();
        foreach (var head in LogHead.Read(Find(key, now).Log))
        {
            if (wanted is not null && head.Type != wanted) continue;
            var id = head.Last;
            for (var number = head.Next - 1; number >= head.First; number--)
            {
                _record.Bind(1, id);
                if (!_record.Step()) throw database.MissesRecord(id);
                records.Add((_record.Number(1), _record.Bytes(2)));
                id = _record.Number(0);
                _record.Reset();
            }
        }
        records.Sort(static (one, other) => one.Place.CompareTo(other.Place));
        return records.ConvertAll(static record => (ReadOnlyMemory<byte>)record.Record);
    }

    public void Dispose() => database.Dispose();

    private (StoredEntry Entry, byte[] Log) Find(EntryKey key, long now)
    {
        if (database.FindCollection(key.Collection) is not { } collection) return (default, []);
        _entry.Bind(1, collection);
        _entry.Bind(2, key.Key);
        if (!_entry.Step()) return (default, []);
        var expires = _entry.NumberOrNull(1);
        var (found, log) = (new StoredEntry(_entry.Number(0), _entry.Bytes(2), Moment.From(expires)), _entry.Bytes(3));
        _entry.Reset();
        return expires <= now ? (default, []) : (found, log);
    }
}
