using System.Collections.Frozen;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>
/// What every <see cref="IViewStore"/> must do, as named cases: a store that passes them has all of Brook's guarantees. Run each of <see cref="Cases"/> with
/// <see cref="RunAsync"/> from whatever test framework you use. Thread safe; cases may run side by side, each on a store of its own.
/// </summary>
public static class ViewStoreContract
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private static readonly ViewStoreCase[] All =
        [.. ReadingCases.All, .. CommitCases.All, .. LogCases.All, .. PagingCases.All, .. NameCases.All, .. SizeCases.All, .. ExpiryCases.All, .. ConcurrencyCases.All, .. SignalCases.All];

    private static readonly FrozenDictionary<string, ViewStoreCase> ByName = All.ToFrozenDictionary(@case => @case.Name);

    /// <summary>The names of all cases: sentences, each one a rule of <see cref="IViewStore"/>.</summary>
    public static IReadOnlyList<string> Cases { get; } = [.. All.Select(@case => @case.Name)];

    /// <summary>Runs one case.</summary>
    /// <param name="name">One of <see cref="Cases"/>.</param>
    /// <param name="open">Makes a store that holds nothing, over this clock; called once. The case starts it, and disposes of it if it can be disposed of.</param>
    /// <param name="features">What the store can do in tests; null: the defaults of <see cref="ViewStoreFeatures"/>.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <exception cref="ViewStoreContractException">The store breaks this rule, throws, or does not end within two minutes.</exception>
    /// <exception cref="ArgumentException">There is no such case, or an argument is null.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task RunAsync(string name, Func<TimeProvider, ValueTask<IViewStore>> open, ViewStoreFeatures? features = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(open);
        if (!ByName.TryGetValue(name, out var @case)) throw new ArgumentException($"The contract has no case '{name}'. Take one of ViewStoreContract.Cases.", nameof(name));
        cancellationToken.ThrowIfCancellationRequested();
        var clock = features is { FakeClock: false } ? null : new SettableClock(DateTimeOffset.UnixEpoch.AddYears(56));
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = RunCaseAsync(@case, open, clock, ending.Token);
        try
        {
            await running.WaitAsync(Deadline, cancellationToken);
        }
        catch (TimeoutException e) when (!running.IsCompleted)
        {
            await ending.CancelAsync();
            throw new ViewStoreContractException(StoreProbe.Message(name, "the time it takes", $"{Deadline.TotalMinutes} minutes at most", "it had not ended then"), e);
        }
    }

    private static async Task RunCaseAsync(ViewStoreCase @case, Func<TimeProvider, ValueTask<IViewStore>> open, SettableClock? clock, CancellationToken cancellationToken)
    {
        IViewStore? store = null;
        try
        {
            store = await open(clock ?? TimeProvider.System);
            await store.StartAsync(cancellationToken);
            await @case.Run(new StoreProbe(@case.Name, store, clock, cancellationToken));
        }
        catch (Exception e) when (e is not ViewStoreContractException && !cancellationToken.IsCancellationRequested)
        {
            throw new ViewStoreContractException(StoreProbe.Message(@case.Name, "how it ends", "no exception", $"{e.GetType().Name}: {e.Message}"), e);
        }
        finally
        {
            if (store is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync();
            else (store as IDisposable)?.Dispose();
        }
    }
}

/// <summary>A rule as a sentence, and how to find out.</summary>
internal sealed record ViewStoreCase(string Name, Func<StoreProbe, Task> Run);
