using Brook.Storage;
using Brook.Testing;
using Brook.Tests.Support;

namespace Brook.Tests.Storage;

/// <summary>The contract can fail: for every important rule there is a store that breaks it, and the case of that rule says so.</summary>
public sealed class ViewStoreContractTests
{
    public static TheoryData<string> Wrongs => [.. BrokenStores.All.Select(broken => broken.Wrong)];

    [Theory]
    [MemberData(nameof(Wrongs))]
    public async Task A_broken_store_fails_the_case_of_its_rule(string wrong)
    {
        var (_, name, @break) = BrokenStores.All.Single(broken => broken.Wrong == wrong);

        var error = await Assert.ThrowsAsync<ViewStoreContractException>(() => RunAsync(name, time => @break(new InMemoryViewStore(time))));

        Assert.StartsWith($"The store breaks the contract in the case \"{name}\".\n  what:     ", error.Message, StringComparison.Ordinal);
        Assert.Null(error.InnerException);      // it was noticed, not stumbled over
    }

    [Fact]
    public async Task A_failure_says_case_expected_and_actual()
    {
        var error = await Assert.ThrowsAsync<ViewStoreContractException>(() => RunAsync("a delete removes the value and the log", _ => new NothingIsDeleted()));

        Assert.Equal("""
            The store breaks the contract in the case "a delete removes the value and the log".
              what:     what is at things/a
              expected: nothing (default)
              actual:   1 with version 7
            """.ReplaceLineEndings("\n"), error.Message);
    }

    [Fact]
    public async Task A_store_that_throws_fails_the_case_with_its_exception_inside()
    {
        var error = await Assert.ThrowsAsync<ViewStoreContractException>(() => RunAsync("what was never written is missing", time => new FaultyViewStore(new InMemoryViewStore(time)).FailNext(FaultPoint.Read)));

        Assert.Equal("""
            The store breaks the contract in the case "what was never written is missing".
              what:     how it ends
              expected: no exception
              actual:   BrookException: Injected fault: the read failed.
            """.ReplaceLineEndings("\n"), error.Message);
        Assert.IsType<BrookException>(error.InnerException);
    }

    [Fact]
    public async Task A_case_that_does_not_exist_is_refused()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => RunAsync("stores flowers", time => new InMemoryViewStore(time)));

        Assert.StartsWith("The contract has no case 'stores flowers'. Take one of ViewStoreContract.Cases.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_store_is_disposed_of_after_the_case()
    {
        var store = new Disposable();

        await RunAsync("what was never written is missing", _ => store);

        Assert.True(store.IsDisposed);
    }

    [Fact]
    public async Task A_cancelled_run_ends_as_cancelled()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ViewStoreContract.RunAsync("what was never written is missing", time => new(new InMemoryViewStore(time)), cancellationToken: cancelled.Token));
    }

    [Fact]
    public void Every_case_has_a_name_of_its_own() => Assert.Equal(ViewStoreContract.Cases.Count, ViewStoreContract.Cases.Distinct().Count());

    private static Task RunAsync(string name, Func<TimeProvider, IViewStore> open) => ViewStoreContract.RunAsync(name, time => new(open(time)), cancellationToken: TestContext.Current.CancellationToken);

    private sealed class NothingIsDeleted() : StoreDecorator(new InMemoryViewStore())
    {
        public override ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => new(Array.ConvertAll(keys.ToArray(), _ => new StoredEntry(7, "1"u8.ToArray())));
    }

    private sealed class Disposable() : StoreDecorator(new InMemoryViewStore()), IDisposable
    {
        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
