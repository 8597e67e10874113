using System.Runtime.CompilerServices;
using Brook.Storage;
using Brook.Tests.Support;

namespace Brook.Tests.Storage;

/// <summary>One wrong thing each: a contract that does not notice is none.</summary>
internal static class BrokenStores
{
    /// <summary>What is wrong, the case that must notice, and the store.</summary>
    public static readonly (string Wrong, string Case, Func<IViewStore, IViewStore> Break)[] All =
    [
        ("a start clears the store", "starting again keeps what is stored", inner => new ClearsOnStart(inner)),
        ("entries are answered in another order", "several entries are read in the order asked, default for missing ones", inner => new Reads(inner, found => [.. found.Reverse()])),
        ("a null counts as missing", "a stored null is an entry, not a missing one", inner => new Reads(inner, found => Array.ConvertAll(found, entry => entry.Value.Span.SequenceEqual("null"u8) ? default : entry))),
        ("versions are rounded as doubles are", "versions may be any number but 0", inner => new Reads(inner, found => Array.ConvertAll(found, entry => entry with { Version = (long)(double)entry.Version }))),
        ("expectations are not looked at", "expected 0: a missing entry is written, one that is there refuses", inner => new Commits(inner, entry => entry with { Expected = null })),
        ("expectations of deletes are not looked at", "an expected version: the entry is written, any other refuses", inner => new Commits(inner, entry => entry.Action == EntryAction.Delete ? entry with { Expected = null } : entry)),
        ("a check writes", "a check compares and changes nothing", inner => new Commits(inner, entry => entry.Action == EntryAction.Check ? entry with { Action = EntryAction.Put, Value = "1"u8.ToArray() } : entry)),
        ("what came before the conflict is written", "a refused commit writes nothing at all", inner => new WritesUntilConflict(inner)),
        ("only the first conflict is returned", "a refused commit returns every entry that differs, as it is now", inner => new Answers(inner, conflicts => [conflicts[0]])),
        ("conflicts have no value", "a refused commit returns every entry that differs, as it is now", inner => new Answers(inner, conflicts => [.. conflicts.Select(conflict => conflict with { Current = conflict.Current with { Value = default } })])),
        ("conflicts are numbered among themselves", "a refused commit returns every entry that differs, as it is now", inner => new Answers(inner, conflicts => [.. conflicts.Select((conflict, i) => conflict with { Index = i })])),
        ("a delete leaves the entry", "a delete removes the value and the log", inner => new Commits(inner, entry => entry.Action == EntryAction.Delete ? entry with { Action = EntryAction.Check } : entry)),
        ("a log is not dropped", "a dropped log is gone, what the commit appends stays", inner => new Commits(inner, entry => entry with { DropLog = false })),
        ("a log has no limit", "a limit keeps the newest records of each type", inner => new Commits(inner, append: append => append with { Keep = int.MaxValue })),
        ("a log has one type", "records come in the order appended, of one type or of all", inner => new Commits(inner, append: append => append with { Type = "t" })),
        ("a log is newest first", "records come in the order appended, of one type or of all", inner => new NewestFirst(inner)),
        ("prefixes are patterns", "a prefix gives the keys that begin with it, exactly", inner => new Prefixes(inner, prefix => prefix.TrimEnd('*'))),
        ("pages are larger than asked", "pages of any size give every entry once, as stored", inner => new PageSizes(inner, size => size + 1)),
        ("pages go on by their number", "entries there throughout come once while others are written and removed between pages", inner => new PagesByNumber(inner)),
        ("keys do not know capitals", "keys of any characters are kept apart, with their logs", inner => new Keys(inner, key => key with { Key = key.Key.ToUpperInvariant() })),
        ("keys are normalized", "keys of any characters are kept apart, with their logs", inner => new Keys(inner, key => key with { Key = key.Key == "e\u0301" ? "é" : key.Key })),
        ("collection and key are joined by a colon", "where the collection ends and the key begins is never in doubt", inner => new Keys(inner, key => new("all", $"{key.Collection}:{key.Key}"))),
        ("keys are cut", "keys of 1,024 bytes are kept apart", inner => new Keys(inner, key => key with { Key = key.Key[..Math.Min(key.Key.Length, 1023)] })),
        ("entries do not expire", "an expired entry is missing for reads, pages, count and its log", inner => new Commits(inner, entry => entry with { ExpiresAt = null })),
        ("a count that is only raised", "the count follows puts, overwrites and deletes", inner => new CountsPuts(inner)),
        ("the given bytes are kept", "a store keeps no memory it was given", inner => new KeepsMemory(inner)),
        ("expectations are compared before the lock", "increments by compare and set from many sides lose none", inner => new ComparesFirst(inner)),
        ("Brook's own collections are not named", "collections that have entries are named once each", inner => new HidesOwn(inner)),
        ("changes are told before they can be read", "who was told of a commit sees it", inner => new TellsEarly(inner)),
        ("removals are not told", "who watches an entry is told of a commit that makes, changes or removes it", inner => new TellsPutsOnly(inner)),
        ("entries of a commit are written one by one", "a read never sees half a commit", inner => new WritesOneByOne(inner)),
    ];

    private sealed class TellsEarly(IViewStore inner) : StoreDecorator(inner)
    {
        private Action _changed = () => { };

        public override ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
        {
            _changed = changed;
            return base.WatchAsync(entry, () => { }, cancellationToken);
        }

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            _changed();
            await Task.Delay(20, cancellationToken);
            return await Inner.CommitAsync(commit, cancellationToken);
        }
    }

    private sealed class TellsPutsOnly(IViewStore inner) : StoreDecorator(inner)
    {
        private Action _changed = () => { };

        public override ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
        {
            _changed = changed;
            return base.WatchAsync(entry, () => { }, cancellationToken);
        }

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            var removes = commit.Entries[0].Action == EntryAction.Delete;
            var result = await Inner.CommitAsync(commit, cancellationToken);
            if (!removes) _changed();
            return result;
        }
    }

    private sealed class ClearsOnStart(IViewStore inner) : StoreDecorator(inner)
    {
        public override async ValueTask StartAsync(CancellationToken cancellationToken)
        {
            var commit = new Commit(1);
            commit.Add(new CommitEntry(new("things", "a"), EntryAction.Delete, null));
            await Inner.CommitAsync(commit, cancellationToken);
        }
    }

    private sealed class HidesOwn(IViewStore inner) : StoreDecorator(inner)
    {
        public override IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => Inner.ReadCollectionsAsync(cancellationToken).Where(collection => !collection.StartsWith('$'));
    }

    private sealed class Reads(IViewStore inner, Func<StoredEntry[], StoredEntry[]> change) : StoreDecorator(inner)
    {
        public override async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => change(await Inner.ReadAsync(keys, cancellationToken));
    }

    private sealed class Commits(IViewStore inner, Func<CommitEntry, CommitEntry>? entry = null, Func<CommitAppend, CommitAppend>? append = null) : StoreDecorator(inner)
    {
        public override ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken) => Inner.CommitAsync(Changed(commit, entry ?? (e => e), append), cancellationToken);
    }

    private sealed class Answers(IViewStore inner, Func<IReadOnlyList<EntryConflict>, IReadOnlyList<EntryConflict>> change) : StoreDecorator(inner)
    {
        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
            => await Inner.CommitAsync(commit, cancellationToken) is { IsCommitted: false } refused ? CommitResult.Conflict(change(refused.Conflicts)) : CommitResult.Committed;
    }

    private sealed class WritesUntilConflict(IViewStore inner) : StoreDecorator(inner)
    {
        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            var result = await Inner.CommitAsync(commit, cancellationToken);
            if (result.IsCommitted) return result;
            var part = new Commit(commit.Version);
            foreach (var entry in commit.Entries[..result.Conflicts[0].Index]) part.Add(entry);
            await Inner.CommitAsync(part, cancellationToken);
            return result;
        }
    }

    /// <summary>The second commit stands half-written until somebody has read.</summary>
    private sealed class WritesOneByOne(IViewStore inner) : StoreDecorator(inner)
    {
        private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _half;
        private int _commits;

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            var second = ++_commits == 2;
            foreach (var entry in commit.Entries.ToArray())
            {
                var one = new Commit(commit.Version);
                one.Add(entry);
                await Inner.CommitAsync(one, cancellationToken);
                Volatile.Write(ref _half, second);
                if (second) await _read.Task.WaitAsync(cancellationToken);
            }
            return CommitResult.Committed;
        }

        public override async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
        {
            var half = Volatile.Read(ref _half);
            var found = await Inner.ReadAsync(keys, cancellationToken);
            if (half) _read.TrySetResult();
            return found;
        }
    }

    /// <summary>The first comparison with a version waits for a second one before either writes.</summary>
    private sealed class ComparesFirst(IViewStore inner) : StoreDecorator(inner)
    {
        private readonly TaskCompletionSource _second = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _compared;

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            var entries = commit.Entries.ToArray();
            var found = await Inner.ReadAsync(Array.ConvertAll(entries, entry => entry.Entry), cancellationToken);
            var conflicts = entries.Index().Where(entry => entry.Item.Expected is { } expected && expected != found[entry.Index].Version).Select(entry => new EntryConflict(entry.Index, found[entry.Index])).ToList();
            if (conflicts.Count > 0) return CommitResult.Conflict(conflicts);
            if (entries[0].Expected is not null && Interlocked.Increment(ref _compared) >= 2) _second.TrySetResult();
            if (entries[0].Expected is not null) await _second.Task.WaitAsync(cancellationToken);
            return await Inner.CommitAsync(Changed(commit, entry => entry with { Expected = null }), cancellationToken);
        }
    }

    private sealed class NewestFirst(IViewStore inner) : StoreDecorator(inner)
    {
        public override async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            foreach (var record in (await Inner.ReadLogAsync(entry, type, cancellationToken).ToListAsync(cancellationToken)).AsEnumerable().Reverse()) yield return record;
        }
    }

    private sealed class Prefixes(IViewStore inner, Func<string, string> change) : StoreDecorator(inner)
    {
        public override ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken) => Inner.ReadPageAsync(collection, change(prefix), after, size, cancellationToken);
    }

    private sealed class PageSizes(IViewStore inner, Func<int, int> change) : StoreDecorator(inner)
    {
        public override ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken) => Inner.ReadPageAsync(collection, prefix, after, change(size), cancellationToken);
    }

    private sealed class PagesByNumber(IViewStore inner) : StoreDecorator(inner)
    {
        public override async ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
        {
            var skip = after is null ? 0 : int.Parse(after, System.Globalization.CultureInfo.InvariantCulture);
            var all = (await Inner.ReadPageAsync(collection, prefix, null, 100_000, cancellationToken)).Entries;
            return new([.. all.Skip(skip).Take(size)], skip + size < all.Count ? $"{skip + size}" : null);
        }
    }

    private sealed class Keys(IViewStore inner, Func<EntryKey, EntryKey> change) : StoreDecorator(inner)
    {
        public override ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => Inner.ReadAsync(Array.ConvertAll(keys.ToArray(), key => change(key)), cancellationToken);
        public override IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken) => Inner.ReadLogAsync(change(entry), type, cancellationToken);
        public override ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken) => Inner.CommitAsync(Changed(commit, entry => entry with { Entry = change(entry.Entry) }), cancellationToken);
    }

    private sealed class CountsPuts(IViewStore inner) : StoreDecorator(inner)
    {
        private long _puts;

        public override ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            foreach (var entry in commit.Entries) if (entry.Action == EntryAction.Put && entry.Entry.Collection == "things") _puts++;
            return Inner.CommitAsync(commit, cancellationToken);
        }

        public override ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => new(_puts);
    }

    private sealed class KeepsMemory(IViewStore inner) : StoreDecorator(inner)
    {
        private readonly Dictionary<EntryKey, ReadOnlyMemory<byte>> _values = [];

        public override ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            foreach (var entry in commit.Entries) _values[entry.Entry] = entry.Value;
            return Inner.CommitAsync(commit, cancellationToken);
        }

        public override async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
            => [.. (await Inner.ReadAsync(keys, cancellationToken)).Zip(keys.ToArray(), (entry, key) => entry.IsMissing ? entry : entry with { Value = _values[key] })];
    }
}
