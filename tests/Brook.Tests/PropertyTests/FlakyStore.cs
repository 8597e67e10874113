using System.Runtime.CompilerServices;
using Brook.Storage;
using Brook.Tests.Support;

namespace Brook.Tests.PropertyTests;

/// <summary>One commit in ten fails, the answer of another one in ten is lost, one read in twenty fails, and now and then whoever calls is killed.</summary>
internal sealed class FlakyStore(IViewStore inner, int seed) : IViewStore
{
    private readonly Random _random = new(seed);

    public int Conflicts { get; private set; }
    public int Failed { get; private set; }
    public int Lost { get; private set; }

    /// <summary>May cancel the caller: it is told every time something is about to happen, or has.</summary>
    public Action<int> Kill { get; set; } = _ => { };

    public ValueTask StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);

    public async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        await MayFailAsync(cancellationToken);
        return await inner.ReadAsync(keys, cancellationToken);
    }

    public async ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        await MayFailAsync(cancellationToken);
        return await inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    }

    public async ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        await MayFailAsync(cancellationToken);
        return await inner.CountAsync(collection, cancellationToken);
    }

    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => inner.ReadCollectionsAsync(cancellationToken);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var record in inner.ReadLogAsync(entry, type, cancellationToken)) yield return record;
    }

    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var roll = Roll();
        if (roll < 10)
        {
            Failed++;
            throw HookedStore.Away();
        }
        Killed(roll, cancellationToken);
        var result = await inner.CommitAsync(commit, cancellationToken);
        if (!result.IsCommitted) Conflicts++;
        Killed(Roll(), cancellationToken);
        if (result.IsCommitted && roll < 20)
        {
            Lost++;
            throw HookedStore.Away();
        }
        return result;
    }

    private async ValueTask MayFailAsync(CancellationToken cancellationToken)
    {
        await Task.Yield();
        var roll = Roll();
        Killed(roll, cancellationToken);
        if (roll < 5) throw HookedStore.Away();
    }

    private void Killed(int roll, CancellationToken cancellationToken)
    {
        Kill(roll);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private int Roll()
    {
        lock (_random) return _random.Next(100);
    }
}
