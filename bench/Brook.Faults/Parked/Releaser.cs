// What an operator would do with what is set aside, from a process without lanes: while the faults go on, and when they are over.
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Faults;

/// <summary>Tries, skips, replaces and releases events through <see cref="IParkedEvents"/>, as their <see cref="Fate"/> says, until only those are left that stay. Not thread safe.</summary>
internal sealed partial class Releaser : IAsyncDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);
    private readonly ServiceProvider _provider;
    private readonly IParkedEvents _parked;
    private readonly Health _health = new();
    private readonly Events _events;
    private readonly Random _random;
    private readonly bool _asBytes;

    /// <param name="store">Where the rows are; it is this one's to dispose.</param>
    /// <param name="asBytes">Records must be byte for byte what the clean fold writes.</param>
    public Releaser(IViewStore store, Events events, int seed, bool asBytes)
    {
        (_events, _random, _asBytes) = (events, new Random(seed), asBytes);
        var services = new ServiceCollection().AddSingleton(_health);
        BrookBuilder.Register(services, "", brook =>
        {
            (brook.Options.HandlerAttempts, brook.Options.BatchEvents) = (1, 10);
            View.AddHandlers(brook, _health).UseStore(_ => store);
        });
        _provider = services.BuildServiceProvider();
        _parked = _provider.GetRequiredService<IParkedEvents>();
    }

    /// <summary>From now on most of what failed works.</summary>
    public void Heal() => _health.IsHealed = true;

    /// <summary>Does this and that, until it is told to end.</summary>
    /// <param name="tell">Makes somebody with lanes try all.</param>
    public async Task RunAsync(Action tell, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(_random.Next(5, 50), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                var rows = await ListAsync(cancellationToken);
                if (rows.Count == 0) continue;
                var row = rows[_random.Next(rows.Count)];
                switch (_random.Next(6))
                {
                    case 0: await _parked.RetryAllAsync(cancellationToken); break;
                    case 1 when row.Key is { } key: await _parked.RetryAsync(key, cancellationToken); break;
                    case 2: await _parked.RetryRowAsync(row.RowId, cancellationToken); break;
                    case 3: tell(); break;
                    default: await ByHandAsync(row, cancellationToken); break;
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
            catch (BrookException) { }                  // somebody else was faster, or the store is away
        }
    }

    /// <summary>Goes on until nothing is left to do.</summary>
    /// <exception cref="StuckException">There always is.</exception>
    public async Task FinishAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        var (started, open) = (Stopwatch.GetTimestamp(), new List<ParkedEvent>());
        string? failure = null;
        do
        {
            try
            {
                open = Open(await ListAsync(cancellationToken));
                if (open.Count == 0) return;
                foreach (var row in open) await ByHandAsync(row, cancellationToken);
                await _parked.RetryAllAsync(cancellationToken);
            }
            catch (BrookException e)
            {
                failure = e.Message;
                await Task.Delay(s_pause, cancellationToken);
            }
        }
        while (Stopwatch.GetElapsedTime(started) < deadline);
        throw new StuckException($"{open.Count} events that are set aside could not be released: {string.Join(", ", open.Take(5).Select(row => $"{row.RowId} ({row.Type}, {row.Error})"))}. {failure}");
    }

    /// <summary>How many rows the public interface tells of.</summary>
    public async Task<long> CountAsync(CancellationToken cancellationToken) => (await ListAsync(cancellationToken)).Count is var listed && await _parked.CountAsync(cancellationToken) is var counted && listed == counted ? listed : -1;

    public ValueTask DisposeAsync() => _provider.DisposeAsync();

    /// <summary>What no retry would do.</summary>
    private async Task ByHandAsync(ParkedEvent row, CancellationToken cancellationToken)
    {
        if (EventOf(row) is not { } e) return;
        try
        {
            switch (e.Fate)
            {
                case Fate.Skipped: await _parked.SkipAsync(row.RowId, cancellationToken); break;
                case Fate.LetGo when !row.IsReleased: await _parked.ReleaseAsync(row.RowId, cancellationToken); break;
                case Fate.Replaced when _asBytes || e.Data.N % 2 == 0: await _parked.ReplaceRecordAsync(row.RowId, Encoding.UTF8.GetBytes(Amount().Replace(Encoding.UTF8.GetString(row.Event.Span), $"\"a\":{e.Replaced().Data.A}")), cancellationToken); break;
                case Fate.Replaced: await _parked.ReplaceAsync(row.RowId, e.Replaced().Data, cancellationToken); break;
            }
        }
        catch (BrookException e2) when (!e2.IsTransient) { }        // somebody else was faster; what is open still is listed again
    }

    /// <summary>Rows that are not as they must be in the end.</summary>
    private List<ParkedEvent> Open(List<ParkedEvent> rows)
    {
        var (open, blocked) = (new List<ParkedEvent>(), new HashSet<string>());
        foreach (var row in rows)
        {
            if (EventOf(row) is not { } e) continue;                // nobody can read it: it stays
            var holds = row.IsReleased ? null : row.Key;
            var isBehind = holds is not null && blocked.Contains(holds);
            if (e.Fate is Fate.Skipped or Fate.Replaced || (e.Fate == Fate.LetGo && !row.IsReleased)) open.Add(row);
            else if (!isBehind && (e.Fate == Fate.Works || row.StandsBehind)) open.Add(row);
            if (e.Fate == Fate.Stays && holds is not null) blocked.Add(holds);
        }
        return open;
    }

    private async Task<List<ParkedEvent>> ListAsync(CancellationToken cancellationToken)
    {
        var rows = new List<ParkedEvent>();
        await foreach (var row in _parked.ListAsync(cancellationToken: cancellationToken)) rows.Add(row);
        return rows;
    }

    private Event? EventOf(ParkedEvent row) => _events.Find(Encoding.UTF8.GetString(row.Event.Span));

    [GeneratedRegex("\"a\":[0-9]+")]
    private static partial Regex Amount();
}
