// What makes the view right, taken away one by one: a trial that does not notice is worth nothing. Only here, by wrapping the store; never in src/.
using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Brook.Storage;

namespace Brook.Faults;

/// <summary>A guard, and the fault that must catch its absence.</summary>
/// <param name="Name">For --without.</param>
/// <param name="About">How it is taken away.</param>
/// <param name="Fault">The fault that must catch it.</param>
/// <param name="Feed">With this feed.</param>
/// <param name="Remove">The store without it; null: there is no engine at all.</param>
internal sealed record Guard(string Name, string About, string Fault, Feed Feed, Func<IViewStore, IViewStore>? Remove)
{
    public const string WholeEngine = "brook";

    public static IReadOnlyList<Guard> All { get; } =
    [
        new("versions", "entries of the view are not compared", "hot-keys", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection[0] == '$' ? entry : entry with { Expected = null })),
        new("fence", "the lane's entry is not compared", "zombie", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection == "$lanes" ? entry with { Expected = null } : entry)),
        new("fence-messages", "the lane's entry is not compared", "zombie", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection == "$lanes" ? entry with { Expected = null } : entry)),
        new("message-ids", "ids of messages are not kept", "duplicates", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection.StartsWith("$applied", StringComparison.Ordinal) ? null : entry)),
        new("offset", "the next offset is not kept", "worker-kill", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection == "$lanes" ? entry with { Value = WithoutNext(entry.Value) } : entry)),
        new("event-ids", "ids that senders gave to events are not kept", "worker-kill", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection.StartsWith("$events", StringComparison.Ordinal) ? null : entry)),
        new("set-aside", "failed events are not kept", "worker-kill", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection == "$parked" ? null : entry)),
        new("released-rows", "rows of events that were released are kept", "handover", Feed.Offsets, inner => new Ablated(inner, entry => entry.Entry.Collection == "$parked" && entry.Action == EntryAction.Delete ? null : entry)),
        new("held-keys", "a row that is set aside does not hold up its key", "worker-kill", Feed.Messages, inner => new Ablated(inner, WithoutKey)),
        new("atomicity", "a commit is one commit per entry", "worker-kill", Feed.Offsets, inner => new Torn(inner)),
        new("settling", "a lost answer counts as a commit that landed", "redis-kill", Feed.Messages, inner => new Hopeful(inner)),
        new(WholeEngine, "no engine: read, write, append, then acknowledge", "worker-kill", Feed.Messages, null),
    ];

    /// <summary>The guard as it is caught over this store: what a failed call is, is the store's own.</summary>
    public Guard Over(Store store) => Fault != "redis-kill" ? this : this with { Fault = store.Name switch { "postgres" => "postgres-kill", "sqlite" => "locked", _ => Fault } };

    /// <summary>Of whoever reads the row next; in the memory of the one who writes it the key is held.</summary>
    public static CommitEntry? WithoutKey(CommitEntry entry) => entry.Entry.Collection == "$parked" && entry.Action == EntryAction.Put ? entry with { Value = LetGo(entry.Value) } : entry;

    private static byte[] LetGo(ReadOnlyMemory<byte> row)
    {
        var entry = JsonNode.Parse(row.Span)!.AsObject();
        entry["released"] = true;
        return JsonSerializer.SerializeToUtf8Bytes(entry);
    }

    public static byte[] WithoutNext(ReadOnlyMemory<byte> lane)
    {
        var entry = JsonNode.Parse(lane.Span)!.AsObject();
        entry.Remove("next");
        return JsonSerializer.SerializeToUtf8Bytes(entry);
    }
}

/// <summary>A store of which one call is another.</summary>
internal abstract class StoreOver(IViewStore inner) : IViewStore, IAsyncDisposable
{
    protected IViewStore Inner => inner;

    public ValueTask StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);
    public virtual ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => inner.ReadAsync(keys, cancellationToken);
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken) => inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => inner.CountAsync(collection, cancellationToken);
    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => inner.ReadCollectionsAsync(cancellationToken);

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken) => inner.ReadLogAsync(entry, type, cancellationToken);
    public abstract ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken);

    public ValueTask DisposeAsync() => inner is IAsyncDisposable disposable ? disposable.DisposeAsync() : default;
}

/// <summary>Counts.</summary>
internal sealed class Counting(IViewStore inner) : StoreOver(inner)
{
    private int _commits, _conflicts, _failures;

    /// <summary>Lanes that a commit was made for; taken together with the counts.</summary>
    public ConcurrentDictionary<string, bool> Lanes { get; } = new();

    /// <summary>Since the last time.</summary>
    public (int Commits, int Conflicts, int Failures) Take() => (Interlocked.Exchange(ref _commits, 0), Interlocked.Exchange(ref _conflicts, 0), Interlocked.Exchange(ref _failures, 0));

    public override async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        try { return await Inner.ReadAsync(keys, cancellationToken); }
        catch (BrookException)
        {
            Interlocked.Increment(ref _failures);
            throw;
        }
    }

    public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        try
        {
            var result = await Inner.CommitAsync(commit, cancellationToken);
            Interlocked.Increment(ref result.IsCommitted ? ref _commits : ref _conflicts);
            foreach (ref readonly var entry in commit.Entries)
                if (result.IsCommitted && entry.Entry.Collection == "$lanes") Lanes[entry.Entry.Key] = true;
            return result;
        }
        catch (BrookException)
        {
            Interlocked.Increment(ref _failures);
            throw;
        }
    }
}

/// <summary>Each entry of a commit is changed, or left out.</summary>
internal sealed class Ablated(IViewStore inner, Func<CommitEntry, CommitEntry?> each) : StoreOver(inner)
{
    public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        var (changed, places) = (new Commit(commit.Version), new Dictionary<int, int>());
        for (var i = 0; i < commit.Entries.Length; i++)
            if (each(commit.Entries[i]) is { } entry) places[i] = changed.Add(in entry);
        foreach (var append in commit.Appends.ToArray())
            if (places.TryGetValue(append.Index, out var place)) changed.Add(append with { Index = place });
        var result = await Inner.CommitAsync(changed, cancellationToken);
        if (result.IsCommitted) return result;
        var back = places.ToDictionary(pair => pair.Value, pair => pair.Key);
        return CommitResult.Conflict([.. result.Conflicts.Select(conflict => conflict with { Index = back[conflict.Index] })]);
    }
}

/// <summary>One commit per entry: a kill, or a reader, comes in between. It ends at the first that is refused.</summary>
internal sealed class Torn(IViewStore inner) : StoreOver(inner)
{
    public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        for (var i = 0; i < commit.Entries.Length; i++)
        {
            var part = new Commit(commit.Version);
            part.Add(in commit.Entries[i]);
            foreach (var append in commit.Appends.ToArray().Where(append => append.Index == i)) part.Add(append with { Index = 0 });
            var result = await Inner.CommitAsync(part, cancellationToken);
            if (!result.IsCommitted) return CommitResult.Conflict([result.Conflicts[0] with { Index = i }]);
        }
        return CommitResult.Committed;
    }
}

/// <summary>What fails is taken for done.</summary>
internal sealed class Hopeful(IViewStore inner) : StoreOver(inner)
{
    public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        try { return await Inner.CommitAsync(commit, cancellationToken); }
        catch (BrookException e) when (e.IsTransient) { return CommitResult.Committed; }
    }
}
