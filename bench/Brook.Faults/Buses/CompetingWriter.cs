using System.Globalization;
using Brook.Storage;

namespace Brook.Faults;

/// <summary>Writes entries of the view anew, all the time, as they are: nothing is to be seen of it but their versions.</summary>
internal sealed class CompetingWriter : IAsyncDisposable
{
    public const string About = "somebody else writes entries of the view anew, all the time, as they are: commits must be refused and made again";
    private readonly IViewStore _store;
    private readonly CancellationTokenSource _over = new();
    private readonly Task<int> _writing;

    public CompetingWriter(IViewStore store, int partitions, int seed)
    {
        _store = store;
        _writing = Task.Run(() => WriteAsync(partitions, new Random(seed)));
    }

    /// <returns>How often it has.</returns>
    public async Task<int> EndAsync()
    {
        await _over.CancelAsync();
        return await _writing;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _over.Dispose();
        await ((IAsyncDisposable)_store).DisposeAsync();
    }

    private async Task<int> WriteAsync(int partitions, Random random)
    {
        var written = 0;
        await _store.StartAsync(CancellationToken.None);
        while (!_over.IsCancellationRequested)
        {
            var key = random.Next(3) == 0 ? new EntryKey("values", string.Create(CultureInfo.InvariantCulture, $"{random.Next(partitions)}.{random.Next(4)}")) : new EntryKey("totals", "all");
            var entry = (await _store.ReadAsync(new[] { key }, CancellationToken.None))[0];
            if (!entry.IsMissing)
            {
                var commit = new Commit(Commit.NewVersion());
                commit.Add(new CommitEntry(key, EntryAction.Put, entry.Version, entry.Value));
                if ((await _store.CommitAsync(commit, CancellationToken.None)).IsCommitted) written++;
            }
            await Task.Delay(1, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return written;
    }
}
