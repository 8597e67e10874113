using System.Runtime.InteropServices;
using Brook.Storage;

namespace Brook.Sqlite;

/// <summary>What a transaction does, on the writer's connection: compares, then writes. One is begun and ended for each group of calls.</summary>
internal sealed class Changes(Database database)
{
    public const int SweptAtOnce = 500;

    private readonly Statement
        _begin = database.Prepare("BEGIN IMMEDIATE"),
        _find = database.Prepare("SELECT id, version, expires, appended FROM entries WHERE collection = ?1 AND key = ?2"),
        _value = database.Prepare("SELECT value FROM entries WHERE id = ?1"),
        _insert = database.Prepare("INSERT INTO entries (collection, key, version, expires, appended, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
        _update = database.Prepare("UPDATE entries SET version = ?2, appended = ?3, value = ?4 WHERE id = ?1"),
        _updateWithEnd = database.Prepare("UPDATE entries SET version = ?2, appended = ?3, value = ?4, expires = ?5 WHERE id = ?1"),
        _delete = database.Prepare("DELETE FROM entries WHERE id = ?1"),
        _count = database.Prepare("UPDATE collections SET entries = entries + ?2 WHERE id = ?1"),
        _addCollection = database.Prepare("INSERT INTO collections (name) VALUES (?1)"),
        _addType = database.Prepare("INSERT INTO types (name) VALUES (?1)"),
        _last = database.Prepare("SELECT n FROM log WHERE entry = ?1 AND type = ?2 ORDER BY n DESC LIMIT 1"),
        _append = database.Prepare("INSERT INTO log (entry, type, n, place, record) VALUES (?1, ?2, ?3, ?4, ?5)"),
        _trim = database.Prepare("DELETE FROM log WHERE entry = ?1 AND type = ?2 AND n < ?3"),
        _drop = database.Prepare("DELETE FROM log WHERE entry = ?1"),
        _expired = database.Prepare("SELECT id, collection, appended FROM entries WHERE expires <= ?1 ORDER BY expires LIMIT ?2");

    private readonly Dictionary<long, long> _counts = [];       // what the numbers of entries change by
    private readonly Dictionary<(int Entry, long Type), Kept> _kept = [];
    private readonly List<(long Id, long Collection, bool HasLog)> _ended = [];
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
        foreach (ref readonly var append in appends) _found[append.Index].Appends++;
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i].Action == EntryAction.Put) Put(in entries[i], ref _found[i], commit.Version);
            else if (entries[i].Action == EntryAction.Delete && _found[i].Id != 0) Delete(_found[i].Id, _found[i].Collection, _found[i].Appended > 0);
        }
        Append(appends);
        return CommitResult.Committed;
    }

    /// <summary>Removes some that have expired; gives how many.</summary>
    public int Sweep()
    {
        _ended.Clear();
        _expired.Bind(1, _now);
        _expired.Bind(2, SweptAtOnce);
        while (_expired.Step()) _ended.Add((_expired.Number(0), _expired.Number(1), _expired.Number(2) > 0));
        foreach (var (id, collection, hasLog) in _ended) Delete(id, collection, hasLog);
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
        if (entry is { Action: EntryAction.Check, Expected: null } || database.FindCollection(entry.Entry.Collection) is not { } collection) return default;
        _find.Bind(1, collection);
        _find.Bind(2, entry.Entry.Key);
        if (!_find.Step()) return new() { Collection = collection };
        var found = new Found { Collection = collection, Id = _find.Number(0), Version = _find.Number(1), Expires = _find.NumberOrNull(2), Appended = _find.Number(3) };
        _find.Reset();
        if (!(found.Expires <= _now)) return found;
        return found with { Version = 0, IsDead = true };
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
        if ((entry.DropLog || found.IsDead) && found.Appended > 0)
        {
            Drop(found.Id);
            found.Appended = 0;
        }
        found.Before = found.Appended;
        var appended = found.Appended + found.Appends;
        if (found.Id == 0) Insert(in entry, ref found, version, appended);
        else Update(in entry, in found, version, appended);
    }

    private void Insert(in CommitEntry entry, ref Found found, long version, long appended)
    {
        if (found.Collection == 0) found.Collection = database.FindCollection(entry.Entry.Collection) ?? Add(_addCollection, entry.Entry.Collection);
        _insert.Bind(1, found.Collection);
        _insert.Bind(2, entry.Entry.Key);
        _insert.Bind(3, version);
        _insert.Bind(4, Moment.To(entry.ExpiresAt));
        _insert.Bind(5, appended);
        _insert.Bind(6, entry.Value.Span);
        _insert.Run();
        found.Id = database.LastId;
        Count(found.Collection, 1);
    }

    private void Update(in CommitEntry entry, in Found found, long version, long appended)
    {
        var ends = found.Expires is not null || entry.ExpiresAt is not null;     // else the index by end has nothing to do with it
        var update = ends ? _updateWithEnd : _update;
        update.Bind(1, found.Id);
        update.Bind(2, version);
        update.Bind(3, appended);
        update.Bind(4, entry.Value.Span);
        if (ends) update.Bind(5, Moment.To(entry.ExpiresAt));
        update.Run();
    }

    private void Delete(long id, long collection, bool hasLog)
    {
        if (hasLog) Drop(id);
        _delete.Bind(1, id);
        _delete.Run();
        Count(collection, -1);
    }

    private void Drop(long id)
    {
        _drop.Bind(1, id);
        _drop.Run();
    }

    /// <summary>A record that newer ones of the same commit leave no room for is not written at all.</summary>
    private void Append(ReadOnlySpan<CommitAppend> appends)
    {
        if (appends.IsEmpty) return;
        _kept.Clear();
        foreach (ref readonly var append in appends)
        {
            var type = database.FindType(append.Type) ?? Add(_addType, append.Type);
            ref var kept = ref CollectionsMarshal.GetValueRefOrAddDefault(_kept, (append.Index, type), out var known);
            if (!known)
            {
                var last = Last(in _found[append.Index], type);
                kept = new() { Next = last + 1, Last = last, First = long.MinValue };
            }
            kept.First = Math.Max(kept.First, ++kept.Last - append.Keep + 1);
        }
        foreach (ref readonly var append in appends)
        {
            ref var found = ref _found[append.Index];
            var type = database.FindType(append.Type)!.Value;
            ref var kept = ref CollectionsMarshal.GetValueRefOrNullRef(_kept, (append.Index, type));
            var (n, place) = (kept.Next++, found.Before++);
            if (n < kept.First) continue;
            _append.Bind(1, found.Id);
            _append.Bind(2, type);
            _append.Bind(3, n);
            _append.Bind(4, place);
            _append.Bind(5, append.Record.Span);
            _append.Run();
        }
        foreach (var ((index, type), kept) in _kept)
        {
            if (kept.First <= 0) continue;                      // there were never more than may stay
            _trim.Bind(1, _found[index].Id);
            _trim.Bind(2, type);
            _trim.Bind(3, kept.First);
            _trim.Run();
        }
    }

    /// <summary>The number of the type's newest record; -1: there is none.</summary>
    private long Last(in Found found, long type)
    {
        if (found.Appended == 0) return -1;
        _last.Bind(1, found.Id);
        _last.Bind(2, type);
        if (!_last.Step()) return -1;
        var last = _last.Number(0);
        _last.Reset();
        return last;
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

        /// <summary>How many records this commit appends, and the place of the next one.</summary>
        public int Appends;
        public long Before;
    }

    /// <summary>The numbers of a type's records in one log: the next one to be written, the last one, and the first one that stays.</summary>
    private struct Kept
    {
        public long Next, Last, First;
    }
}
