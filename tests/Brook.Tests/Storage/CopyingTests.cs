using Brook.Lanes;
using Brook.Storage;
using Brook.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Tests.Storage;

public sealed class CopyingTests
{
    private readonly InMemoryViewStore _source = new(), _target = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_copy_has_every_entry_with_its_end_and_its_log()
    {
        var end = DateTimeOffset.UtcNow.AddHours(1);
        for (var i = 0; i < 1000; i++) await PutAsync(_source, new("orders", $"{i}"), $"{i}", i % 10 == 0 ? end : null, """{"type":"placed","data":1}""", """{"type":"shipped","data":2}""");
        await PutAsync(_source, new("$lanes", "orders/0"), """{"epoch":3,"next":17}""");

        var copied = await _source.CopyToAsync(_target, Token);

        Assert.Equal(new ViewCopy(1001, 2000), copied);
        Assert.Equal(1000, await _target.CountAsync("orders", Token));
        var found = await _target.ReadAsync(new EntryKey[] { new("orders", "10"), new("orders", "11"), new("$lanes", "orders/0") }, Token);
        Assert.Equal(["10", "11", """{"epoch":3,"next":17}"""], found.Select(entry => System.Text.Encoding.UTF8.GetString(entry.Value.Span)));
        Assert.Equal([end, null, null], found.Select(entry => entry.ExpiresAt));
        Assert.Equal(1, await _target.ReadLogAsync(new("orders", "10"), "shipped", Token).CountAsync(Token));
        Assert.Equal(["$lanes", "orders"], (await _target.ReadCollectionsAsync(Token).ToListAsync(Token)).Order());
    }

    [Fact]
    public async Task A_target_that_holds_something_is_refused()
    {
        await PutAsync(_target, new("orders", "1"), "1");

        var error = await Assert.ThrowsAsync<BrookException>(() => _source.CopyToAsync(_target, Token));

        Assert.Equal("The target is not empty: its collection 'orders' has 1 entries. Copy into a store that holds nothing (another namespace, schema or file), or clear it first.", error.Message);
    }

    [Fact]
    public async Task A_copy_that_was_broken_off_can_be_begun_again_and_is_refused_for_anything_else()
    {
        for (var i = 0; i < 500; i++) await PutAsync(_source, new("orders", $"{i}"), "1");
        var breaking = new FaultyViewStore(_target).FailEvery(FaultPoint.AfterCommit, 2);
        await Assert.ThrowsAsync<BrookException>(() => _source.CopyToAsync(breaking, Token));
        await PutAsync(_target, new("orders", "gone since"), "1");
        await using var provider = new ServiceCollection().AddBrookInProcess(brook => brook.UseStore(_ => _target)).BuildServiceProvider();
        var engine = provider.GetRequiredKeyedService<BrookEngine>("");
        var refused = await Assert.ThrowsAsync<BrookException>(async () => await engine.StartStoreAsync(Token));

        var half = await Assert.ThrowsAsync<BrookException>(() => _target.CopyToAsync(new InMemoryViewStore(), Token));
        await _source.CopyToAsync(_target, Token);

        Assert.Equal("The source is itself a copy of a view that was not finished (CopyToAsync), so it is not whole. Begin that copy again from its own source first.", half.Message);
        Assert.Equal("The store holds a copy of a view that was not finished (CopyToAsync). Begin the copy again from its source, or clear the store.", refused.Message);
        Assert.Equal(500, await _target.CountAsync("orders", Token));
        await engine.StartStoreAsync(Token);
    }

    [Fact]
    public async Task A_view_is_not_copied_onto_itself()
        => Assert.Equal("target", (await Assert.ThrowsAsync<ArgumentException>(() => _source.CopyToAsync(_source, Token))).ParamName);

    [Theory]
    [InlineData("$lanes")]
    [InlineData("$parking")]            // what was set aside is released
    public async Task A_source_that_is_written_meanwhile_makes_no_copy(string collection)
    {
        await PutAsync(_source, new(collection, "orders/0"), """{"epoch":1}""");
        var target = new Writing(_target, () => PutAsync(_source, new(collection, "orders/0"), """{"epoch":2}"""));

        var error = await Assert.ThrowsAsync<BrookException>(() => _source.CopyToAsync(target, Token));

        Assert.StartsWith("The view was written while it was copied, so the copy is not whole.", error.Message, StringComparison.Ordinal);
    }

    private static async Task PutAsync(InMemoryViewStore store, EntryKey key, string value, DateTimeOffset? end = null, params string[] log)
    {
        var commit = new Commit(Commit.NewVersion());
        var index = commit.Add(new CommitEntry(key, EntryAction.Put, null, System.Text.Encoding.UTF8.GetBytes(value)) { ExpiresAt = end });
        foreach (var record in log) commit.Add(new CommitAppend(index, record.Contains("placed", StringComparison.Ordinal) ? "placed" : "shipped", System.Text.Encoding.UTF8.GetBytes(record), 10));
        Assert.True((await store.CommitAsync(commit, Token)).IsCommitted);
    }

    private sealed class Writing(IViewStore inner, Func<Task> write) : Support.StoreDecorator(inner)
    {
        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            await write();
            return await Inner.CommitAsync(commit, cancellationToken);
        }
    }
}
