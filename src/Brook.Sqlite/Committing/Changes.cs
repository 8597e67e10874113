using System.Runtime.InteropServices;
using Brook.Storage;

namespace Brook.Sqlite;

/// <summary>What a transaction does, on the writer's connection: compares, then writes. One is begun and ended for each group of calls.</summary>
internal sealed class Changes(Database database)
{
    public const int SweptAtOnce = 500;

    private readonly Statement
        _begin = database.Prepare("BEGIN IMMEDIATE"),
        _find = database.Prepare("SELECT id, version, expires, appended, log FROM entries WHERE collection = ?1 AND key = ?2"),
        _value = database.Prepare("SELECT value FROM entries WHERE id = ?1"),
        _insert = database.Prepare("INSERT INTO entries (collection, key, version, expires, appended, log, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
        _update = database.Prepare("UPDATE entries SET version = ?2, appended = ?3, log = ?4, value = ?5 WHERE id = ?1"),
        _updateWithEnd = database.Prepare("UPDATE entries SET version = ?2, appended = ?3, log = ?4, value = ?5, expires = ?6 WHERE id = ?1"),
        _delete = database.Prepare("DELETE FROM entries WHERE id = ?1"),
        _count = database.Prepare("UPDATE collections SET entries = entries + ?2 WHERE id = ?1"),
        _addCollection = database.Prepare("INSERT INTO collections (name) VALUES (?1)"),
        _addType = database.Prepare("INSERT INTO types (name) VALUES (?1)"),
        _expired = database.Prepare("SELECT id, collection, log FROM entries WHERE expires <= ?1 ORDER BY expires LIMIT ?2");

    private readonly Logs _logs = new(database);
    private readonly Dictionary<long, long> _counts = [];       // what the numbers of entries change by
    private readonly List<(long Id, long Collection, byte[] Log)> _ended = [];
    private Found[] _found = [];
    private long _now;

    public void Begin(TimeProvider time)
    {
        _begin.Run();
        _now = time.GetUtcNow().ToUnixTimeMilliseconds();
    }

    public void Commit()
    {
        foreach (var (collection, change) in _counts)
        {
            if (change == 0) continue;
            _count.Bind(1, collection);
            _count.Bind(2, change);
            _count.Run();
        }
        database.Commit();
        _counts.Clear();
    }

    public void Rollback()
    {
        _counts.Clear();
        database.ForgetNames();
        database.Rollback();
    }

    public CommitResult Apply(Commit commit)
    {
        var entries = commit.Entries;
        var appends = commit.Appends;
        if (_found.Length < entries.Length) _found = new Found[entries.Length * 2];
        if (Compare(entries) is { } conflicts) return CommitResult.Conflict(conflicts);
        for (var i = 0; i < entries.Length; i++)
            if (entries[i].Action == EntryAction.Put && (entries[i].DropLog || _found[i].IsDead)) DropLog(ref _found[i]);
        Append(appends);                                        // before the entries: they say where their logs end
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i].Action == EntryAction.Put) Put(in entries[i], ref _found[i], commit.Version);
            else if (entries[i].Action == EntryAction.Delete && _found[i].Id != 0) Delete(_found[i].Id, _found[i].Collection, _found[i].Log);
        }
        return CommitResult.Committed;
    }

    /// <summary>Removes some that have expired; gives how many.</summary>
    public int Sweep()
    {
        _ended.Clear();
        _expired.Bind(1, _now);
        _expired.Bind(2, SweptAtOnce);
        while (_expired.Step()) _ended.Add((_expired.Number(0), _expired.Number(1), _expired.Bytes(2)));
        foreach (var (id, collection, log) in _ended) Delete(id, collection, LogHead.Read(log));
        return _ended.Count;
    }

    /// <summary>Looks every entry up once: what is found is what the writes then use.</summary>
    private List<EntryConflict>? Compare(ReadOnlySpan<CommitEntry> entries)
    {
        List<EntryConflict>? conflicts = null;
        for (var i = 0; i < entries.Length; i++)
        {
            ref var found = ref _found[i];
            found = Find(in entries[i]);
            if (entries[i].Expected is { } expected && found.Version != expected) (conflicts ??= []).Add(new(i, found.Version == 0 ? default : new(found.Version, Value(found.Id), Moment.From(found.Expires))));
        }
        return conflicts;
    }

    private Found Find(in CommitEntry entry)
    {
        if (entry is { Action: EntryAction.Check, Expected: null } || database.FindCollection(entry.Entry.Collection) is not { } collection) return new() { Log = [] };
        _find.Bind(1, collection);
        _find.Bind(2, entry.Entry.Key);
        if (!_find.Step()) return new() { Collection = collection, Log = [] };
        var found = new Found { Collection = collection, Id = _find.Number(0), Version = _find.Number(1), Expires = _find.NumberOrNull(2), Appended = _find.Number(3) };
        var log = _find.Bytes(4);
        _find.Reset();
        found.Log = LogHead.Read(log);
        return found.Expires <= _now ? found with { Version = 0, IsDead = true } : found;
    }

    private byte[] Value(long id)
    {
        _value.Bind(1, id);
        _value.Step();
        var value = _value.Bytes(0);
        _value.Reset();
        return value;
    }

    private void Put(in CommitEntry entry, ref Found found, long version)
    {
        if (found.Id == 0) Insert(in entry, ref found, version);
        else Update(in entry, in found, version);
    }

    private void Insert(in CommitEntry entry, ref Found found, long version)
    {
        if (found.Collection == 0) found.Collection = database.FindCollection(entry.Entry.Collection) ?? Add(_addCollection, entry.Entry.Collection);
        _insert.Bind(1, found.Collection);
        _insert.Bind(2, entry.Entry.Key);
        _insert.Bind(3, version);
        _insert.Bind(4, Moment.To(entry.ExpiresAt));
        _insert.Bind(5, found.Appended);
        BindLog(_insert, 6, found.Log);
        _insert.Bind(7, entry.Value.Span);
        _insert.Run();
        found.Id = database.LastId;
        Count(found.Collection, 1);
    }

    private void Update(in CommitEntry entry, in Found found, long version)
    {
        var ends = found.Expires is not null || entry.ExpiresAt is not null;     // else the index by end has nothing to do with it
        var update = ends ? _updateWithEnd : _update;
        update.Bind(1, found.Id);
        update.Bind(2, version);
        update.Bind(3, found.Appended);
        BindLog(update, 4, found.Log);
        update.Bind(5, entry.Value.Span);
        if (ends) update.Bind(6, Moment.To(entry.ExpiresAt));
        update.Run();
    }

    private static void BindLog(Statement statement, int parameter, LogHead[] log)
    {
        if (log.Length == 0) statement.Bind(parameter, default(long?));
        else statement.Bind(parameter, LogHead.Write(log, stackalloc byte[256]));
    }

    private void Delete(long id, long collection, LogHead[] log)
    {
        foreach (ref readonly var head in log.AsSpan()) _logs.Remove(in head);
        _delete.Bind(1, id);
        _delete.Run();
        Count(collection, -1);
    }

    private void DropLog(ref Found found)
    {
        foreach (ref readonly var head in found.Log.AsSpan()) _logs.Remove(in head);
        (found.Log, found.Appended) = ([], 0);
    }

    /// <summary>What stays is known before anything is written: a record that newer ones of the same commit leave no room for is not written at all.</summary>
    private void Append(ReadOnlySpan<CommitAppend> appends)
    {
        foreach (ref readonly var append in appends) HeadOf(in append).Take(append.Keep);
        foreach (ref readonly var append in appends) _logs.Append(ref HeadOf(in append), _found[append.Index].Appended++, append.Record.Span);
        foreach (ref readonly var append in appends) _logs.Trim(ref HeadOf(in append));
    }

    private ref LogHead HeadOf(in CommitAppend append)
    {
        ref var log = ref _found[append.Index].Log;
        var type = database.FindType(append.Type) ?? Add(_addType, append.Type);
        for (var i = 0; i < log.Length; i++)
            if (log[i].Type == type) return ref log[i];
        Array.Resize(ref log, log.Length + 1);
        log[^1].Type = type;
        return ref log[^1];
    }

    private long Add(Statement add, string name)
    {
        add.Bind(1, name);
        add.Run();
        return database.LastId;
    }

    private void Count(long collection, int change) => CollectionsMarshal.GetValueRefOrAddDefault(_counts, collection, out _) += change;

    /// <summary>An entry as it was found.</summary>
    private record struct Found
    {
        public long Collection, Id, Version, Appended;
        public long? Expires;

        /// <summary>It has expired: missing, but its row is there.</summary>
        public bool IsDead;

        /// <summary>Where its log ends, for each type.</summary>
        public LogHead[] Log;
    }
}
