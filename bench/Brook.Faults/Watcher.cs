using Brook.Storage;
using System.Text;

namespace Brook.Faults;

/// <summary>Reads while the trial runs: what one event writes must be seen together, and nothing may go back unless the store does.</summary>
internal sealed class Watcher(IViewStore store, int partitions, bool mayRewind)
{
    private readonly EntryKey[] _keys = [.. Enumerable.Range(0, partitions).SelectMany(p => new[] { new EntryKey("left", View.Name(p)), new EntryKey("right", View.Name(p)), new EntryKey("chains", View.Name(p)) })];
    private readonly long[] _last = [.. Enumerable.Repeat(-1L, partitions)];

    public long Reads { get; private set; }

    /// <summary>The last event of a partition that was seen; -1: none.</summary>
    public long Last(int partition) => Interlocked.Read(ref _last[partition]);

    /// <summary>Reads that saw an event in part.</summary>
    public long Half { get; private set; }

    /// <summary>Reads that saw an older state than one before.</summary>
    public long Backwards { get; private set; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await store.StartAsync(cancellationToken);
                while (true)
                {
                    Look(await store.ReadAsync(_keys, cancellationToken));
                    await Task.Delay(2, cancellationToken);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { return; }
            catch (BrookException)                                  // the store is away: that is what the trial is about
            {
                await Task.Delay(20, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Look(StoredEntry[] found)
    {
        Reads++;
        for (var p = 0; p < _last.Length; p++)
        {
            var (left, right, chain) = (found[3 * p], found[(3 * p) + 1], found[(3 * p) + 2]);
            if (left.Version != right.Version || left.Version != chain.Version || !left.Value.Span.SequenceEqual(right.Value.Span)
                || (!chain.IsMissing && !Encoding.UTF8.GetString(chain.Value.Span).Contains($"\"last\":{Encoding.UTF8.GetString(left.Value.Span)},", StringComparison.Ordinal))) Half++;
            if (left.IsMissing || !long.TryParse(left.Value.Span, out var n)) continue;
            if (n < _last[p] && !mayRewind) Backwards++;
            Interlocked.Exchange(ref _last[p], n);
        }
    }
}
