using System.Buffers;
using System.Runtime.InteropServices;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// One entry of the view in a batch: the value it starts from, the changes over it in event order, and how far they are folded. A start is used
/// once: a merge function may have changed the object in place, so whatever must be folded again begins with a fresh read.
/// </summary>
internal sealed class StagedEntry(EntryKey key, ICollectionCodec codec)
{
    private const long Unknown = long.MinValue;
    private readonly List<(int Event, Change Change)> _changes = new(1);
    private long _version = Unknown;        // of the start; 0: missing
    private int _folded;                    // how many of the changes are in Value
    private bool _needsStart;               // the value depends on what was stored, or a handler has read it
    private bool _isKept;                   // the start is what the last batch has left, not what was read: somebody may have written since
    private long _seen = Unknown;           // the version that a handler's changes rest on; the start may be a later one, read afresh since
    private Exception? _unreadable;         // what is stored is not a value of this collection
    private bool _isUsers;                  // the value is the very object that a handler made; others may have it too
    private int _madeBy;                    // who did
    private byte[] _json = [];              // what was written of it last: the next merge starts from what a store would give, whoever cached what
    private int _jsonLength;
    private ReadOnlyMemory<byte> _written;
    private bool _suspect;                  // the value could not be serialized: each step of the fold is tried
    private (int Event, Exception Error)? _unwritable;

    public EntryKey Key => key;
    public ICollectionCodec Codec => codec;

    /// <summary>It belongs to the batch under way.</summary>
    public bool Touched { get; set; }
    public object? Value
    {
        get => _unreadable is null || _folded > 0 ? field : throw _unreadable;
        private set;
    }
    public bool Exists { get; private set; }

    /// <summary>Whether it must be read before it can be folded further.</summary>
    public bool NeedsRead => _version == Unknown && _folded == 0 && (_needsStart || (_changes.Count > 0 && _changes[0].Change.Kind == ChangeKind.Merge));

    /// <summary>The last fold failed on a start that was not read: it is to be judged on what is stored.</summary>
    public bool FailedOnKept { get; private set; }

    /// <summary>Whether <see cref="Value"/> is what the events so far make of the entry.</summary>
    public bool IsKnown => _folded == _changes.Count && (_version != Unknown || _folded > 0);

    /// <summary>A created value is taken as it is now: its handler may keep the object and change it before the commit.</summary>
    public void Stage(int index, in Change change, IBrookSerializer serializer)
        => _changes.Add((index, change.Kind == ChangeKind.Create && !codec.IsPlain(serializer) ? change with { Value = Snapshot(change.Value, serializer) } : change));

    private object? Snapshot(object? value, IBrookSerializer serializer)
    {
        try { return codec.Copy(value, serializer); }
        catch (Exception e) { throw Unwritable(e); }
    }

    /// <summary>A handler looks at it: unless its value is all the batch's own, it is checked at the commit.</summary>
    public void MarkRead() => _needsStart |= _folded == 0;

    /// <summary>A handler has got its value. What the first one saw is what the commit must find.</summary>
    public void MarkSeen()
    {
        if (_seen == Unknown && _needsStart) _seen = _version;
    }

    /// <summary>Another writer was faster: starts from what is stored now, and whoever has read it is handled again.</summary>
    public void Restart(in StoredEntry stored, IBrookSerializer serializer)
    {
        _seen = Unknown;
        Start(in stored, serializer);
    }

    /// <summary>Starts from what is stored.</summary>
    public void Start(in StoredEntry stored, IBrookSerializer serializer)
    {
        Forget();
        (_version, Exists, _isKept) = (stored.Version, !stored.IsMissing, false);
        if (stored.IsMissing) return;
        try { Value = codec.Read(stored.Value.Span, serializer); }
        catch (Exception e) { _unreadable = new BrookException($"What is stored at {key} is not a {codec.ValueType.Name}: {e.Message} Create overwrites it; an upcast needs a converter.", e); }
    }

    /// <summary>The next fold begins with a fresh read.</summary>
    public void Forget() => (_version, _folded, _unreadable, Value, Exists, _isUsers, _jsonLength) = (Unknown, 0, null, null, false, false, 0);

    /// <summary>Folds what is new. When a merge throws, or the value cannot be serialized, says whose fault that is.</summary>
    public (int Event, Exception Error)? Fold(IBrookSerializer serializer)
    {
        FailedOnKept = false;
        if (_unwritable is { } unwritable)
        {
            _unwritable = null;
            return unwritable;
        }
        foreach (ref readonly var item in CollectionsMarshal.AsSpan(_changes)[_folded..])
        {
            try
            {
                switch (item.Change.Kind)
                {
                    case ChangeKind.Create: (Value, Exists, _isUsers, _madeBy) = (item.Change.Value, true, true, item.Event); break;
                    case ChangeKind.Delete: (Value, Exists, _isUsers) = (null, false, false); break;
                    default:
                        _needsStart |= _folded == 0;
                        if (_isUsers && TakeOver(serializer) is { } error) return error;
                        Value = codec.Merge(Exists ? Value : null, item.Change.Value!, serializer);
                        (Exists, _isUsers, _madeBy) = (true, true, item.Event);
                        break;
                }
                if (_suspect && Exists) Try(serializer);
            }
            catch (Exception e)
            {
                var (failed, nothing) = (item.Event, !Exists && _unreadable is null);
                (FailedOnKept, _isKept) = (_isKept, false);
                Forget();
                return (failed, nothing && !_suspect ? MetNothing(e) : e);
            }
            _folded++;
        }
        return null;
    }

    /// <summary>Takes back what events from..to staged; true when something was.</summary>
    public bool Unstage(int from, int to)
    {
        var removed = false;
        for (var i = _changes.Count - 1; i >= 0; i--)
        {
            if (_changes[i].Event < from || _changes[i].Event > to) continue;
            _changes.RemoveAt(i);
            if (i < _folded) Forget();
            removed = true;
        }
        return removed;
    }

    /// <summary>Adds the entry's guard, write and log records. False: something cannot be serialized, and the next fold says whose it is.</summary>
    public bool AddTo(Batch batch, IBrookSerializer serializer, DateTimeOffset now)
    {
        long? expected = _seen != Unknown ? _seen : _needsStart && _version != Unknown ? _version : null;
        if (_changes.Count == 0)
        {
            if (expected is not null) batch.Commit.Add(new CommitEntry(key, EntryAction.Check, expected));
            return true;
        }
        if (!Exists)
        {
            batch.Commit.Add(new CommitEntry(key, EntryAction.Delete, expected));
            return true;
        }
        batch.Arena.Begin();
        try { codec.Write(Value, serializer, batch.Arena); }
        catch (Exception e) { return Suspect(_suspect ? _changes[^1].Event : -1, e); }
        var first = LastDelete() + 1;
        var index = batch.Commit.Add(new CommitEntry(key, EntryAction.Put, expected, _written = batch.Arena.End()) { DropLog = first > 0, ExpiresAt = now + codec.TimeToLive });
        for (var (i, last) = (first, -1); i < _changes.Count; i++)
        {
            var e = _changes[i].Event;
            if (e == last) continue;                            // one record per entry and event
            last = e;
            ref readonly var item = ref batch[e];
            if (item.Type!.Keep == 0) continue;
            try { batch.Commit.Add(new CommitAppend(index, item.Type.Name, EventWriter.RecordOf(item.Event!, serializer), item.Type.Keep)); }
            catch (Exception error) { return Suspect(e, error); }
        }
        return true;
    }

    /// <summary>The batch is in the store: what it made is the next one's start.</summary>
    public void Committed(long version, IBrookSerializer serializer)
    {
        if (_changes.Count > 0)
        {
            var isPlain = codec.IsPlain(serializer);
            (_version, _folded) = (Exists ? version : 0, 0);
            if (Exists && _isUsers && !isPlain) Keep(_written.Span);
        }
        _changes.Clear();
        (Touched, _needsStart, _seen, _suspect, _isKept) = (false, false, Unknown, false, _version != Unknown);
        if (codec.TimeToLive is not null) Forget();             // it may end before the next batch
    }

    /// <summary>A merge may change the object it is given, and may get it from another store in the next batch: it gets what the JSON says, an object that nobody else has.</summary>
    private (int Event, Exception Error)? TakeOver(IBrookSerializer serializer)
    {
        try { Value = Copy(serializer); }
        catch (Exception e) when (_folded > 0)
        {
            var maker = _madeBy;
            Forget();
            return (maker, Unwritable(e));
        }
        _isUsers = false;
        return null;
    }

    /// <summary>What its JSON says, for one who may do to it what he likes.</summary>
    public object? Copy(IBrookSerializer serializer) => _isUsers && _folded == 0 && _jsonLength > 0 ? codec.Read(_json.AsSpan(0, _jsonLength), serializer) : codec.Copy(Value, serializer);

    private void Keep(ReadOnlySpan<byte> json)
    {
        if (_json.Length < json.Length) _json = new byte[json.Length];
        json.CopyTo(_json);
        _jsonLength = json.Length;
    }

    private void Try(IBrookSerializer serializer)
    {
        try { codec.Write(Value, serializer, new ArrayBufferWriter<byte>()); }
        catch (Exception e) { throw Unwritable(e); }
    }

    private bool Suspect(int whose, Exception error)
    {
        if (whose >= 0) _unwritable = (whose, Unwritable(error));
        _suspect = true;
        Forget();
        return false;
    }

    private BrookException Unwritable(Exception e) => new($"The value of {key} cannot be serialized: {e.Message}", e);

    private int LastDelete()
    {
        for (var i = _changes.Count - 1; i >= 0; i--)
            if (_changes[i].Change.Kind == ChangeKind.Delete) return i;
        return -1;
    }

    /// <summary>"Object reference not set" helps nobody: say what the merge met.</summary>
    private BrookException MetNothing(Exception e) =>
        new($"The merge into {key} met nothing stored and failed: {e.Message} Give it a start with Merge(collection, key, initial, merge), or check for null.", e);
}
