using Brook.Sqlite.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Expiring;

/// <summary>What has expired is missing at once; its rows are removed a little later, its log's too.</summary>
public sealed class SweeperTests(Files files)
{
    [Fact]
    public async Task Expired_entries_are_removed_with_their_logs_and_the_count_is_right_before_and_after()
    {
        var (time, path) = (new FakeTimeProvider(), files.NewFile());
        await using var store = await files.Open(time, path).StartedAsync();
        var commit = CommitOf([.. Enumerable.Range(0, 1200).Select(i => Put($"{i}", "1") with { ExpiresAt = time.GetUtcNow().AddSeconds(10) }), Put("stays", "1")]);
        for (var i = 0; i < 1201; i++) commit.Log(i, "t", "1");
        await store.CommitAsync(commit);
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(1, await store.CountAsync("things", Token));
        Assert.Equal("1201 1201 1201", Rows(path));
        time.Advance(TimeSpan.FromSeconds(30));
        await UntilAsync(() => Task.FromResult(Rows(path) == "1 1 1"), "the sweep");
        Assert.Equal(1, await store.CountAsync("things", Token));
    }

    private static string Rows(string path)
    {
        using var database = Database.Open(path, create: false);
        return database.Ask("SELECT (SELECT count(*) FROM entries) || ' ' || (SELECT count(*) FROM log) || ' ' || (SELECT entries FROM collections)");
    }
}
