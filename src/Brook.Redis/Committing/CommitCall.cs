using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>Writes a commit as the arguments of commit.lua, grouped by collection, and reads what differs from its answer. Reused; one commit at a time.</summary>
internal sealed class CommitCall(RedisNames names)
{
    private const int ShapeBytes = 12, MostKept = 4 << 20;
    private readonly Dictionary<string, CommitGroup> _groups = [];
    private readonly List<CommitGroup> _used = [];
    private RedisKeyOrValue[] _arguments = [];
    private int _count;
    private int[] _appends = [], _next = [];                // of an entry its first append, of an append the next one of the same entry; 0: none, else the index + 1
    private readonly Stack<int> _newestFirst = [];
    private readonly Dictionary<string, int> _room = [];    // of a type how many more may stay
    private byte[] _bytes = [];
    private int _written;

    /// <summary>The arguments of EVALSHA, the first left for the script. Theirs until the next call of this.</summary>
    public Memory<RedisKeyOrValue> Write(Commit commit, RedisValue data, DateTimeOffset now, RedisValue publish)
    {
        Clear();
        Group(commit);
        _bytes = Room(_bytes, SizeOf(commit));
        Add(default(RedisValue));
        Add((RedisValue)(2 + _used.Sum(group => group.KeyCount)));
        Add(names.Id);
        Add(names.Expiring);
        foreach (var group in _used) WriteKeys(group, commit.Entries);
        Add(data);
        Add((RedisValue)now.ToUnixTimeMilliseconds());
        Add(publish);
        Add((RedisValue)_used.Count);
        foreach (var group in _used) WriteValues(group, commit);
        return _arguments.AsMemory(0, _count);
    }

    /// <summary>What differs, as it is now: the script names collection and check.</summary>
    public List<EntryConflict> ConflictsOf(RedisResult[] answer, Commit commit, DateTimeOffset now)
    {
        var conflicts = new List<EntryConflict>(answer.Length / 3);
        for (var i = 1; i < answer.Length; i += 3)
        {
            var index = _used[(int)answer[i]].Checks[(int)answer[i + 1]];
            conflicts.Add(new(index, answer[i + 2].IsNull ? default : Blob.Read((byte[])answer[i + 2]!, now, commit.Entries[index].Entry)));
        }
        return conflicts;
    }

    /// <summary>Too large to be kept for another commit.</summary>
    public bool IsLarge => _bytes.Length > MostKept;

    private void Clear()
    {
        foreach (var group in _used) group.Clear();
        if (_groups.Count > 1000) _groups.Clear();              // generations of message ids come and go
        _used.Clear();
        (_count, _written) = (0, 0);
    }

    private void Group(Commit commit)
    {
        var entries = commit.Entries;
        var appends = commit.Appends;
        (_appends, _next) = (Room(_appends, entries.Length), Room(_next, appends.Length));
        _appends.AsSpan(0, entries.Length).Clear();
        for (var i = appends.Length - 1; i >= 0; i--) (_next[i], _appends[appends[i].Index]) = (_appends[appends[i].Index], i + 1);
        CommitGroup? group = null;
        for (var i = 0; i < entries.Length; i++)
        {
            ref readonly var entry = ref entries[i];
            if (group?.Collection != entry.Entry.Collection) group = GroupOf(entry.Entry.Collection);
            if (_appends[i] != 0) DropWhatWouldNotStay(i, appends);
            group.Add(i, in entry, hasAppends: _appends[i] != 0);
        }
    }

    /// <summary>Of many events for one entry, only those that newer ones leave room for are sent.</summary>
    private void DropWhatWouldNotStay(int entry, ReadOnlySpan<CommitAppend> appends)
    {
        var (count, keep) = (0, BrookOptions.KeepAll);
        for (var i = _appends[entry]; i != 0; i = _next[i - 1]) (count, keep) = (count + 1, Math.Min(keep, appends[i - 1].Keep));
        if (count <= keep) return;
        _newestFirst.Clear();
        _room.Clear();
        for (var i = _appends[entry]; i != 0; i = _next[i - 1]) _newestFirst.Push(i);
        var next = 0;
        while (_newestFirst.TryPop(out var i))
        {
            ref readonly var append = ref appends[i - 1];
            var left = Math.Min(append.Keep, _room.GetValueOrDefault(append.Type, BrookOptions.KeepAll)) - 1;
            _room[append.Type] = left;
            if (left >= 0) (_next[i - 1], next) = (next, i);
        }
        _appends[entry] = next;
    }

    private CommitGroup GroupOf(string collection)
    {
        ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(_groups, collection, out _);
        group ??= new CommitGroup(collection, names.Of(collection));
        if (!group.IsEmpty || _used.Contains(group)) return group;
        _used.Add(group);
        return group;
    }

    private void WriteKeys(CommitGroup group, ReadOnlySpan<CommitEntry> entries)
    {
        Add(group.Names.Entries);
        Add(group.Names.Index);
        Add(group.Names.Expiries);
        foreach (var list in group.Logs)
            foreach (var i in list) Add(group.Names.LogOf(entries[i].Entry.Key));
    }

    private void WriteValues(CommitGroup group, Commit commit)
    {
        var entries = commit.Entries;
        foreach (var count in (ReadOnlySpan<int>)[group.Checks.Count, group.Puts.Count, group.FreshPuts.Count, group.Deletes.Count, group.Ending.Count]) Add((RedisValue)count);
        Add((RedisValue)ShapeOf(group.Appended, commit));
        Add((RedisValue)ShapeOf(group.Renewed, commit));
        Add((RedisValue)group.Removed.Count);
        Add((RedisValue)group.Names.Logs);
        Add((RedisValue)group.Collection);
        foreach (var i in group.Checks) Add((RedisValue)entries[i].Entry.Key);
        foreach (var i in group.Checks) Add((RedisValue)(entries[i].Expected == 0 ? default : VersionOf(entries[i].Expected!.Value)));
        foreach (var i in group.Puts) WritePut(in entries[i], commit.Version);
        foreach (var i in group.FreshPuts) WritePut(in entries[i], commit.Version);
        foreach (var i in group.Deletes) Add((RedisValue)entries[i].Entry.Key);
        foreach (var i in group.Ending)
        {
            Add((RedisValue)entries[i].ExpiresAt!.Value.ToUnixTimeMilliseconds());
            Add((RedisValue)entries[i].Entry.Key);
        }
        foreach (var i in group.Appended) WriteRecords(i, commit.Appends);
        foreach (var i in group.Renewed) WriteRecords(i, commit.Appends);
    }

    private void WritePut(in CommitEntry entry, long version)
    {
        var blob = Take(Blob.SizeOf(in entry));
        Blob.Write(in entry, version, blob.Span);
        Add((RedisValue)entry.Entry.Key);
        Add((RedisValue)(ReadOnlyMemory<byte>)blob);
    }

    private void WriteRecords(int entry, ReadOnlySpan<CommitAppend> appends)
    {
        for (var i = _appends[entry]; i != 0; i = _next[i - 1])
        {
            var record = Take(Record.SizeOf(in appends[i - 1]));
            Record.Write(in appends[i - 1], record.Span);
            Add((RedisValue)(ReadOnlyMemory<byte>)record);
        }
    }

    /// <summary>Of logs alike that follow each other: how many logs, how many records each gets, and the smallest limit they have; 0: none has one.</summary>
    private ReadOnlyMemory<byte> ShapeOf(List<int> logs, Commit commit)
    {
        var shape = Take(ShapeBytes * logs.Count);
        var (length, last, alike) = (0, (Count: 0, Keep: 0), 0);
        foreach (var log in logs)
        {
            var (count, keep) = (0, BrookOptions.KeepAll);
            for (var i = _appends[log]; i != 0; i = _next[i - 1]) (count, keep) = (count + 1, Math.Min(keep, commit.Appends[i - 1].Keep));
            if (keep == BrookOptions.KeepAll) keep = 0;
            if ((count, keep) != last) (last, alike, length) = ((count, keep), 0, length + ShapeBytes);
            var run = shape.Span[(length - ShapeBytes)..];
            BinaryPrimitives.WriteInt32BigEndian(run, ++alike);
            BinaryPrimitives.WriteInt32BigEndian(run[4..], count);
            BinaryPrimitives.WriteInt32BigEndian(run[8..], keep);
        }
        return shape[..length];
    }

    private ReadOnlyMemory<byte> VersionOf(long version)
    {
        var bytes = Take(Blob.Head);
        Blob.WriteVersion(version, bytes.Span);
        return bytes;
    }

    private static int SizeOf(Commit commit)
    {
        var size = 0L;
        foreach (ref readonly var entry in commit.Entries) size += Blob.Head + ShapeBytes + Blob.SizeOf(in entry);
        foreach (ref readonly var append in commit.Appends) size += Record.SizeOf(in append);
        if (size > Array.MaxLength) throw new BrookException(string.Create(CultureInfo.InvariantCulture, $"A commit of {size:N0} bytes is too large for Redis: make fewer or smaller changes per event."));
        return (int)size;
    }

    private void Add(RedisKeyOrValue argument)
    {
        if (_count == _arguments.Length) Array.Resize(ref _arguments, Math.Max(256, 2 * _count));
        _arguments[_count++] = argument;
    }

    private Memory<byte> Take(int size)
    {
        var taken = _bytes.AsMemory(_written, size);
        _written += size;
        return taken;
    }

    private static T[] Room<T>(T[] array, int size) => array.Length >= size ? array : new T[Math.Max(size, 16)];
}

/// <summary>The entries of one collection in a commit, as indexes, sorted by what the script does with them.</summary>
internal sealed class CommitGroup(string collection, CollectionNames names)
{
    public string Collection { get; } = collection;
    public CollectionNames Names { get; } = names;
    public List<int> Checks { get; } = [];

    /// <summary>Puts of entries that are there: the check says so.</summary>
    public List<int> Puts { get; } = [];

    /// <summary>Puts of entries that may be new, so the index must have them.</summary>
    public List<int> FreshPuts { get; } = [];
    public List<int> Deletes { get; } = [];
    public List<int> Ending { get; } = [];

    /// <summary>Entries whose logs are appended to, renewed (emptied first), removed.</summary>
    public List<int> Appended { get; } = [];
    public List<int> Renewed { get; } = [];
    public List<int> Removed { get; } = [];

    public ReadOnlySpan<List<int>> Logs => new[] { Appended, Renewed, Removed };

    public int KeyCount => 3 + Appended.Count + Renewed.Count + Removed.Count;

    public bool IsEmpty => Checks.Count + Puts.Count + FreshPuts.Count + Deletes.Count == 0;

    public void Add(int index, in CommitEntry entry, bool hasAppends)
    {
        if (entry.Expected is not null) Checks.Add(index);
        if (entry.Action == EntryAction.Check) return;
        if (entry.Action == EntryAction.Delete)
        {
            Deletes.Add(index);
            Removed.Add(index);
            return;
        }
        (entry.Expected is null or 0 ? FreshPuts : Puts).Add(index);
        if (entry.ExpiresAt is not null) Ending.Add(index);
        if (entry.DropLog) (hasAppends ? Renewed : Removed).Add(index);
        else if (hasAppends) Appended.Add(index);
    }

    public void Clear()
    {
        foreach (var list in (ReadOnlySpan<List<int>>)[Checks, Puts, FreshPuts, Deletes, Ending, Appended, Renewed, Removed]) list.Clear();
    }
}
