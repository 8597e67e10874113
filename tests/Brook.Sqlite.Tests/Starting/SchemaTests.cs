using System.Text;
using Brook.Sqlite.Tests.Support;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Starting;

/// <summary>Which files are taken: new ones, Brook's own, older ones of Brook's.</summary>
public sealed class SchemaTests(Files files)
{
    private static readonly Schema s_next = new([.. Schema.Current.Steps, "ALTER TABLE entries ADD COLUMN note TEXT; UPDATE entries SET note = key"]);

    [Fact]
    public async Task A_file_says_whose_it_is_and_which_version_it_has()
    {
        var path = files.NewFile();
        await using (var store = await files.Open(path: path).StartedAsync()) await store.CommitAsync(Put("a", "1"));
        using var database = Database.Open(path, create: false);
        Assert.Equal((Schema.ApplicationId, Schema.Current.Version, "wal", "UTF-8"),
            (database.AskNumber("PRAGMA application_id"), database.AskNumber("PRAGMA user_version"), database.Ask("PRAGMA journal_mode"), database.Ask("PRAGMA encoding")));
        Assert.Equal("Brok", Encoding.ASCII.GetString((await File.ReadAllBytesAsync(path, Token))[68..72]));
    }

    [Fact]
    public async Task An_older_version_is_brought_to_this_one_with_all_it_holds()
    {
        var (path, logs) = (files.NewFile(), new FakeLogger());
        await using (var old = await files.Open(path: path).StartedAsync()) await old.CommitAsync(CommitOf(Put("a", "1"), Put("b", "2")).Log(0, "t", "1"));
        await using (var store = await new SqliteViewStore(path, null, null, logs, s_next).StartedAsync())
        {
            Assert.Equal(("1", "2"), (await store.ReadAsync("a"), await store.ReadAsync("b")));
            Assert.Equal(["1"], await store.LogAsync("a"));
            await store.CommitAsync(CommitOf(Put("a", "3")).Log(0, "t", "2"));
            Assert.Equal(["1", "2"], await store.LogAsync("a"));
        }
        Assert.Equal([$"The schema of {path} was brought from version 1 to 2."], logs.Collector.GetSnapshot().Where(record => record.Id.Name == "SqliteMigrated").Select(record => record.Message));
        using var database = Database.Open(path, create: false);
        Assert.Equal((2, "a"), (database.AskNumber("PRAGMA user_version"), database.Ask("SELECT note FROM entries ORDER BY key")));
    }

    [Fact]
    public async Task A_step_that_fails_leaves_the_older_version_as_it_was()
    {
        var path = files.NewFile();
        await using (var old = await files.Open(path: path).StartedAsync()) await old.CommitAsync(Put("a", "1"));
        var broken = new Schema([.. s_next.Steps, "CREATE TABLE half (id); INSERT INTO nowhere VALUES (1)"]);
        await using (var store = new SqliteViewStore(path, null, null, null, broken))
            Assert.StartsWith($"SQLite refused a call to {path} (no such table: nowhere", (await FailsAsync(async () => await store.StartAsync(Token), transient: false)).Message, StringComparison.Ordinal);
        await using var again = await files.Open(path: path).StartedAsync();
        Assert.Equal("1", await again.ReadAsync("a"));
        using var database = Database.Open(path, create: false);
        Assert.Equal("0", database.Ask("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"));
    }

    [Fact]
    public async Task Two_that_bring_a_file_to_a_newer_version_at_once_do_it_once()
    {
        var path = files.NewFile();
        await using (var old = await files.Open(path: path).StartedAsync()) await old.CommitAsync(Put("a", "1"));
        var stores = Enumerable.Range(0, 4).Select(_ => new SqliteViewStore(path, null, null, null, s_next)).ToList();
        await Task.WhenAll(stores.Select(store => Task.Run(async () => await store.StartAsync(Token))));
        Assert.Equal("1", await stores[3].ReadAsync("a"));
        foreach (var store in stores) await store.DisposeAsync();
    }

    [Fact]
    public async Task A_newer_version_is_refused()
    {
        var path = files.NewFile();
        await using (var newer = await new SqliteViewStore(path, null, null, null, s_next).StartedAsync()) await newer.CommitAsync(Put("a", "1"));
        var error = await RefusedAsync(path);
        Assert.Equal($"{path} has schema version 2; this version of Brook knows 1 and older. Nothing was written. Update the application, or give it another path.", error.Message);
    }

    [Theory]
    [InlineData("CREATE TABLE orders (id); CREATE TABLE people (id)", "application_id 0, it has orders, people")]
    [InlineData("PRAGMA application_id = 7", "application_id 7")]
    public async Task Another_programs_database_is_refused(string sql, string what)
    {
        var path = files.NewFile();
        using (var other = Database.Open(path, create: true)) other.Run($"PRAGMA user_version = 3; {sql}");
        Assert.Equal($"{path} is another program's database ({what}). Nothing was written. Give the view a file of its own.", (await RefusedAsync(path)).Message);
    }

    [Fact]
    public async Task What_is_no_database_is_refused()
    {
        var path = files.NewFile();
        await File.WriteAllTextAsync(path, new string('-', 5000), Token);
        Assert.Equal($"{path} is no SQLite database, or an encrypted one (file is not a database, SQLite code 26). Nothing was written. Take another path, or move that file away.", (await RefusedAsync(path)).Message);
    }

    [Fact]
    public async Task An_empty_file_is_taken()
    {
        var path = files.NewFile();
        await File.WriteAllBytesAsync(path, [], Token);
        await using var store = await files.Open(path: path).StartedAsync();
        await store.CommitAsync(Put("a", "1"));
    }

    private async Task<BrookException> RefusedAsync(string path)
    {
        var before = await File.ReadAllBytesAsync(path, Token);
        await using var store = files.Open(path: path);
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.Equal(before, await File.ReadAllBytesAsync(path, Token));
        return error;
    }
}
