using Brook.Sqlite.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Brook.Change;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Configuration;

public sealed class UseSqliteTests(Files files)
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task A_view_outlives_its_process_and_any_tool_can_read_it()
    {
        var path = files.NewFile();
        for (var run = 0; run < 2; run++)
        {
            using var host = Build(brook => brook.UseSqlite(path, options => options.Durability = SqliteDurability.Fast));
            await host.StartAsync(Token);
            var receipt = await host.Services.GetRequiredService<IBrook>().SendAsync("add", 5, cancellationToken: Token);
            var view = host.Services.GetRequiredService<IBrookView>();
            Assert.Equal(WaitResult.Applied, await view.WaitForAsync(receipt, cancellationToken: Token));
            Assert.Equal(5 * (run + 1), await view.GetAsync(Sums, "a", Token));
            Assert.Equal(run + 1, (await view.GetEventsAsync(Sums, "a", cancellationToken: Token)).Count);
            await host.StopAsync(Token);
        }
        using var database = Database.Open(path, create: false);
        Assert.Equal("a 10", database.Ask("SELECT key || ' ' || value FROM brook_entries WHERE collection = 'sums'"));
        Assert.Equal("0 add 5; 1 add 5", database.Ask("SELECT group_concat(place || ' ' || type || ' ' || (record ->> '$.data'), '; ') FROM brook_log WHERE collection = 'sums'"));
    }

    [Fact]
    public void What_is_not_valid_is_said_at_setup_all_together()
    {
        var error = Assert.Throws<BrookException>(() => Build(brook => brook.UseSqlite(" ", options => (options.Durability, options.BusyTimeout, options.SweepInterval) = ((SqliteDurability)7, TimeSpan.FromSeconds(-1), TimeSpan.Zero))));
        Assert.Equal("""
            The options of the SQLite store are not valid:
              - The path is ' '; it must name a file: UseSqlite("view.db").
              - Durability is 7; it must be Durable or Fast.
              - BusyTimeout is -00:00:01; it must be 0 or more, and an hour at most.
              - SweepInterval is 00:00:00; it must be more than 0, and a day at most.
            """.ReplaceLineEndings("\n"), error.Message);
    }

    [Theory]
    [InlineData(":memory:", "The path is ':memory:'; a view in memory is what an instance has without a store.")]
    [InlineData("Data Source=view.db", "The path is 'Data Source=view.db'; it must be a path, not a URI or a connection string.")]
    [InlineData("file:view.db", "The path is 'file:view.db'; it must be a path, not a URI or a connection string.")]
    [InlineData("a\0b", "The path is 'a\\0b'; it must name a file: UseSqlite(\"view.db\").")]
    public void What_is_no_path_is_said(string path, string error)
        => Assert.Equal($"The options of the SQLite store are not valid:\n  - {error}", Assert.Throws<BrookException>(() => new SqliteViewStore(path)).Message);

    private static IHost Build(Action<BrookBuilder> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddBrookInProcess(brook => configure(brook.On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data))));
        return builder.Build();
    }
}
