using System.Runtime.InteropServices;

namespace Brook.Storage;

/// <summary>What to do with an entry.</summary>
public enum EntryAction
{
    /// <summary>Only compare its version.</summary>
    Check,

    /// <summary>Store the value.</summary>
    Put,

    /// <summary>Remove value and log; nothing there is fine.</summary>
    Delete,
}

/// <summary>One entry of a commit: a guard, a write, or both.</summary>
/// <param name="Entry">Which entry.</param>
/// <param name="Action">What to do with it.</param>
/// <param name="Expected">Null: not checked. 0: must be missing. Else: must have this version.</param>
/// <param name="Value">What a put stores: JSON in UTF-8.</param>
public readonly record struct CommitEntry(EntryKey Entry, EntryAction Action, long? Expected, ReadOnlyMemory<byte> Value = default)
{
    /// <summary>Remove the entry's log before the commit's appends (it was deleted and made again in one batch).</summary>
    public bool DropLog { get; init; }

    /// <summary>When a put entry stops being visible, value and log; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>One record for the log of an entry that the same commit puts.</summary>
/// <param name="Index">The entry's place in <see cref="Commit.Entries"/>.</param>
/// <param name="Type">The event type.</param>
/// <param name="Record">The event's JSON in UTF-8.</param>
/// <param name="Keep">Only the newest so many records of this type stay; at least 1.</param>
public readonly record struct CommitAppend(int Index, string Type, ReadOnlyMemory<byte> Record, int Keep);

/// <summary>A checked multi-write. An entry appears at most once. What it holds may be reused when the call's task has ended.</summary>
public sealed class Commit
{
    private readonly List<CommitEntry> _entries = [];
    private readonly List<CommitAppend> _appends = [];

    /// <summary>An empty commit.</summary>
    /// <param name="version">Random, never 0: what every written entry gets as its version.</param>
    /// <exception cref="ArgumentOutOfRangeException">The version is 0, which means "missing".</exception>
    public Commit(long version)
    {
        ArgumentOutOfRangeException.ThrowIfZero(version);
        Version = version;
    }

    /// <summary>What every written entry gets as its version. A writer that is unsure whether its commit landed reads one entry and knows.</summary>
    public long Version { get; private set; }

    /// <summary>In the order to be applied.</summary>
    public ReadOnlySpan<CommitEntry> Entries => CollectionsMarshal.AsSpan(_entries);

    /// <summary>In the order to be appended, after the entries are applied.</summary>
    public ReadOnlySpan<CommitAppend> Appends => CollectionsMarshal.AsSpan(_appends);

    /// <summary>Adds an entry and gives its place.</summary>
    public int Add(in CommitEntry entry)
    {
        _entries.Add(entry);
        return _entries.Count - 1;
    }

    /// <summary>Adds a log record.</summary>
    public void Add(in CommitAppend append) => _appends.Add(append);

    /// <summary>A random version that is not 0.</summary>
    public static long NewVersion()
    {
        long version;
        do version = Random.Shared.NextInt64(long.MinValue, long.MaxValue);
        while (version == 0);
        return version;
    }

    internal void Restart()
    {
        _entries.Clear();
        _appends.Clear();
        Version = NewVersion();
    }
}

/// <summary>The store's answer to a commit: committed, or what differs. Not an exception: conflicts are normal.</summary>
public readonly struct CommitResult
{
    private readonly IReadOnlyList<EntryConflict>? _conflicts;

    private CommitResult(IReadOnlyList<EntryConflict> conflicts) => _conflicts = conflicts;

    /// <summary>Everything was written.</summary>
    public static CommitResult Committed => default;

    /// <summary>Nothing was written: these entries were not as expected.</summary>
    public static CommitResult Conflict(IReadOnlyList<EntryConflict> conflicts)
    {
        ArgumentNullException.ThrowIfNull(conflicts);
        return new(conflicts);
    }

    /// <summary>True: everything was written.</summary>
    public bool IsCommitted => _conflicts is null;

    /// <summary>Every entry that was not as expected; empty when committed.</summary>
    public IReadOnlyList<EntryConflict> Conflicts => _conflicts ?? [];
}

/// <summary>An entry that was not as expected.</summary>
/// <param name="Index">Its place in <see cref="Commit.Entries"/>.</param>
/// <param name="Current">The entry as it is now, so that a retry needs no read.</param>
public readonly record struct EntryConflict(int Index, StoredEntry Current);
