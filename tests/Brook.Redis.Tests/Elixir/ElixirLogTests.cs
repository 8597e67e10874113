using System.Text;
using Brook.Redis.Tests.Support;
using Brook.Storage;
using StackExchange.Redis;
using static Brook.Redis.Tests.Support.ElixirProbe;

namespace Brook.Redis.Tests.Elixir;

/// <summary>Logs in Elixir's layout: what is kept of an event, and in which order they come.</summary>
public sealed class ElixirLogTests(SharedRedis redis)
{
    [Fact]
    public async Task Events_of_several_types_come_by_their_times_and_those_of_one_type_as_appended()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "1", "1", "b", at: 10);
        await elixir.PersistAsync("people", "1", "2", "a", at: 20);
        await elixir.PersistAsync("people", "1", "3", "b", at: 30);
        await elixir.PersistAsync("people", "1", "4", "b", at: 5);         // a clock went back
        await elixir.PersistAsync("people", "1", "5", "a", at: 25);
        Assert.Equal(["1", "2", "5", "3", "4"], (await net.LogAsync("people", "1")).Select(e => e.Split(' ')[2]));
        Assert.Equal(["1", "3", "4"], (await net.LogAsync("people", "1", "b")).Select(e => e.Split(' ')[2]));
    }

    [Fact]
    public async Task Events_of_equal_times_are_not_reversed()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        foreach (var i in (int[])[1, 2, 3]) await elixir.PersistAsync("people", "1", $"{i}", "t", at: 7);
        Assert.Equal(["elixir t 1", "elixir t 2", "elixir t 3"], await net.LogAsync("people", "1"));
    }

    [Fact]
    public async Task Id_key_and_headers_are_lost_and_the_rest_is_kept()
    {
        var (net, _) = await redis.OpenBothAsync();
        await using var disposing = net;
        await net.CommitAsync(Put("people", "1", "1"), "order:placed");
        var record = Assert.Single(await net.Store.ReadLogAsync(new("people", "1"), null, TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Equal("""{"type":"order:placed","author":"net","create_ts":1,"data":1}""", Encoding.UTF8.GetString(record.Span));
    }

    [Fact]
    public async Task What_is_no_event_is_logged_as_data_and_comes_back_as_it_was()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        foreach (var record in (string[])["1", "\"t=1\"", "{\"type\":\"other\",\"data\":1}", "{ \"a\" : [null] }"])
        {
            var commit = new Commit(Commit.NewVersion());
            commit.Add(Put("people", record, "1"));
            commit.Add(new CommitAppend(0, "t", Encoding.UTF8.GetBytes(record), 9));
            await net.Store.CommitAsync(commit, TestContext.Current.CancellationToken);
            Assert.Equal(record, Encoding.UTF8.GetString((await net.Store.ReadLogAsync(new("people", record), "t", TestContext.Current.CancellationToken).SingleAsync(TestContext.Current.CancellationToken)).Span));
        }
        Assert.Equal(4, (await elixir.KeysAsync("events:*")).Length);
    }

    [Fact]
    public async Task Fields_that_are_missing_and_a_gzip_of_several_members_are_read()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "1", "1", "t", at: 5);
        await elixir.PushAsync("people", "1", "t", """{"type":"t","author":"old","data":2,"__brook_struct__":"Elixir.Brook.Event"}""");
        var (head, tail) = ("""{"type":"t","author":"x","create_ts":6,""", "\"data\":3,\"forwarded\":true,\"__data_type__\":\"Elixir.Brook.Event\"}");
        await (await redis.ConnectAsync()).ListRightPushAsync(elixir.LogOf("people", "1", "t"), (byte[])[.. Golden.Gzip(head), .. Golden.Gzip(tail)]);
        Assert.Equal(["elixir t 1", "old t 2", "x t 3"], await net.LogAsync("people", "1"));
    }

    public static TheoryData<string, string> Foreign => new()
    {
        { "no gzip", "An element in a log of people/1 is no event that Brook for Elixir writes: " },
        { "z[]", "An element in a log of people/1 is no event that Brook for Elixir writes: it is no JSON object." },
        { "z{\"type\":\"t\"}", "An element in a log of people/1 is no event that Brook for Elixir writes: it has no \"data\"." },
        { "z{\"type\":\"t\",\"data\":1,\"create_ts\":\"now\"}", "An element in a log of people/1 is no event that Brook for Elixir writes: its \"create_ts\" is no time." },
        { "bomb", "An element in a log of people/1 is no event that Brook for Elixir writes: inflated it has more than 16 MB." },
    };

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task An_element_that_is_no_event_is_an_error_that_says_where(string element, string error)
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await net.CommitAsync(Put("people", "1", "1"));
        var bytes = element == "bomb" ? Golden.Gzip(new string(' ', ElixirEvent.MaxBytes + 1)) : element[0] == 'z' ? Golden.Gzip(element[1..]) : Encoding.UTF8.GetBytes(element);
        await (await redis.ConnectAsync()).ListRightPushAsync(elixir.LogOf("people", "1", "t"), bytes);
        Assert.StartsWith(error, (await Assert.ThrowsAsync<BrookException>(() => net.LogAsync("people", "1"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_begun_by_another_commit_since_a_delete_looked_makes_it_look_again()
    {
        var (space, token) = (SharedRedis.NewNamespace(), TestContext.Current.CancellationToken);
        await using var net = new ElixirProbe(redis.OpenElixir(space: space));
        await net.Store.StartAsync(token);
        await net.CommitAsync(Put("people", "1", "1"), "a");
        var (names, commit) = (new ElixirNames(space), new Commit(Commit.NewVersion()));
        commit.Add(Delete("people", "1"));
        await using var connection = RedisConfiguration.Connection(RedisConfiguration.Parse(redis.Server.ConnectionString), null);
        await connection.OpenAsync(token);
        var found = await new ElixirLogs(connection, names, new(connection, names, TimeProvider.System), TimeProvider.System).FindAsync(commit, [0], token);
        await net.CommitAsync(Put("people", "1", "2"), "b");
        var id = await (await redis.ConnectAsync()).StringGetAsync(names.Own.Id);
        using var reply = await connection.RunAsync(Script.ElixirCommit, new ElixirCall(names, default, () => 0).Write(commit, id, TimeProvider.System.GetUtcNow(), "PUBLISH", found), token);
        Assert.Equal(["AGAIN"], (string?[]?)reply.Read().ReadRedisResult() ?? []);
        Assert.Equal("2", await net.ValueAsync("people", "1"));
    }

    [Fact]
    public async Task Deletes_and_appends_side_by_side_leave_nothing_behind()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        for (var round = 0; round < 20; round++)
        {
            await net.CommitAsync(Put("people", "1", "1"), "a");
            var appending = Enumerable.Range(0, 5).Select(i => net.CommitAsync(Put("people", "1", "2"), $"t{i}")).ToList();
            await net.CommitAsync(Delete("people", "1"));
            await Task.WhenAll(appending);
            await net.CommitAsync(Delete("people", "1"));
            Assert.Empty(await elixir.KeysAsync("[se]*"));
        }
    }
}
