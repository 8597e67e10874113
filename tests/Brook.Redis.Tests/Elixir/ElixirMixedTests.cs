using System.Text;
using Brook.Redis.Tests.Support;
using Brook.Storage;
using Microsoft.Extensions.Time.Testing;
using static Brook.Redis.Tests.Support.ElixirProbe;

namespace Brook.Redis.Tests.Elixir;

/// <summary>Elixir writes beside Brook for .NET.</summary>
public sealed class ElixirMixedTests(SharedRedis redis)
{
    [Fact]
    public async Task What_Elixir_changed_since_it_was_read_is_a_conflict()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await net.CommitAsync(Put("people", "1", "1"), "t");
        var read = await net.ReadAsync("people", "1");
        await elixir.PersistAsync("people", "1", "2");
        var result = await net.CommitAsync(Put("people", "1", "3", read.Version));
        Assert.False(result.IsCommitted);
        var current = Assert.Single(result.Conflicts).Current;
        Assert.Equal("2", Encoding.UTF8.GetString(current.Value.Span));
        Assert.Equal(await net.ReadAsync("people", "1"), current, (one, other) => one.Version == other.Version);
        Assert.True((await net.CommitAsync(Put("people", "1", "3", current.Version))).IsCommitted);
        Assert.Equal("3", await net.ValueAsync("people", "1"));
    }

    [Fact]
    public async Task What_Elixir_made_or_deleted_since_it_was_read_is_a_conflict()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "1", "1");
        Assert.False((await net.CommitAsync(Put("people", "1", "2", 0))).IsCommitted);
        var read = await net.ReadAsync("people", "1");
        await elixir.DeleteAsync("people", "1");
        Assert.True(Assert.Single((await net.CommitAsync(Put("people", "1", "2", read.Version))).Conflicts).Current.IsMissing);
        Assert.True((await net.CommitAsync(Put("people", "1", "2", 0))).IsCommitted);
    }

    [Fact]
    public async Task What_Elixir_wrote_has_a_version_of_its_content_that_stays()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "1", "1");
        var first = (await net.ReadAsync("people", "1")).Version;
        await elixir.PersistAsync("people", "1", "2");
        var second = (await net.ReadAsync("people", "1")).Version;
        await elixir.PersistAsync("people", "1", "1");
        Assert.NotEqual(first, second);
        Assert.Equal(first, (await net.ReadAsync("people", "1")).Version);
        Assert.True((await net.CommitAsync(Put("people", "1", "3", first))).IsCommitted);
    }

    [Fact]
    public async Task An_entry_of_ours_that_Elixir_overwrote_reads_right()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await net.CommitAsync(Put("people", "1", "{\"n\":1}"), "ref:create");
        await elixir.PersistAsync("people", "1", "{\"n\":2}", "ref:merge", at: 2);
        Assert.Equal("{\"n\":2}", await net.ValueAsync("people", "1"));
        Assert.Equal(["1"], await net.KeysAsync("people"));
        Assert.Equal(["net ref:create 1", "elixir ref:merge {\"n\":2}"], await net.LogAsync("people", "1"));
        await net.CommitAsync(Delete("people", "1"));
        Assert.Empty(await elixir.KeysAsync("[se]*"));
    }

    [Fact]
    public async Task An_integer_key_stays_one_when_it_is_overwritten_and_is_a_text_when_it_is_made()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "7", "1", keyJson: "7");
        await net.CommitAsync(Put("people", "7", "2", (await net.ReadAsync("people", "7")).Version));
        await net.CommitAsync(Put("people", "8", "2"));
        var server = await redis.ConnectAsync();
        Assert.Equal("""{"key":7,"value":"2"}""", (string?)await server.StringGetAsync(elixir.StateOf("people", "7")));
        Assert.Equal("""{"key":"8","value":"2"}""", (string?)await server.StringGetAsync(elixir.StateOf("people", "8")));
    }

    [Fact]
    public async Task A_state_in_another_order_with_blanks_and_more_fields_is_read()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await (await redis.ConnectAsync()).StringSetAsync(elixir.StateOf("people", "a:b"), " { \"etag\": [1], \"value\" : \"{\\u0022n\\u0022:1}\",\n\"key\": \"a:b\" } ");
        Assert.Equal("{\"n\":1}", await net.ValueAsync("people", "a:b"));
        Assert.True((await net.CommitAsync(Put("people", "a:b", "2", (await net.ReadAsync("people", "a:b")).Version))).IsCommitted);
    }

    [Theory]
    [InlineData("not json", "What Redis holds for people/1 is not what Brook for Elixir writes: ")]
    [InlineData("""{"key":"1"}""", "What Redis holds for people/1 is not what Brook for Elixir writes: it has no \"value\"")]
    [InlineData("""{"key":"1","value":{}}""", "What Redis holds for people/1 is not what Brook for Elixir writes: its \"value\" is no string")]
    public async Task A_state_that_is_none_is_an_error_that_says_where_and_can_be_overwritten(string state, string error)
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await (await redis.ConnectAsync()).StringSetAsync(elixir.StateOf("people", "1"), state);
        Assert.StartsWith(error, (await Assert.ThrowsAsync<BrookException>(() => net.ReadAsync("people", "1"))).Message, StringComparison.Ordinal);
        await net.CommitAsync(Put("people", "1", "1"));
        Assert.Equal("1", await net.ValueAsync("people", "1"));
    }

    [Fact]
    public async Task An_entry_with_an_end_goes_for_Elixir_as_well_and_one_that_Elixir_wrote_over_stays()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(50));
        var (net, elixir) = await redis.OpenBothAsync(clock);
        await using var _ = net;
        var server = await redis.ConnectAsync();
        foreach (var key in (string[])["1", "2"]) await net.CommitAsync(Put("people", key, "1") with { ExpiresAt = clock.GetUtcNow().AddMinutes(10) }, "t");
        Assert.InRange((await server.KeyTimeToLiveAsync(elixir.StateOf("people", "1")))!.Value, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(10));
        await elixir.PersistAsync("people", "2", "2");
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(["2"], await net.KeysAsync("people"));
        Assert.Equal(1, await net.Store.CountAsync("people", TestContext.Current.CancellationToken));
        await net.CommitAsync(Put("others", "1", "1"));           // any commit removes what has ended, with its log
        Assert.Equal(["events:people:2:t", "state:others:1", "state:people:2"], await elixir.KeysAsync("[se]*"));
        Assert.Equal(["net t 1", "elixir t 2"], await net.LogAsync("people", "2"));
    }

    [Fact]
    public async Task An_entry_that_has_ended_takes_no_log_that_another_shares()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(50));
        var (net, elixir) = await redis.OpenBothAsync(clock);
        await using var _ = net;
        await net.CommitAsync(Put("people", "a", "1") with { ExpiresAt = clock.GetUtcNow().AddMinutes(10) }, "sub:t", "u");
        await net.CommitAsync(Put("people", "a:sub", "1"), "t");
        clock.Advance(TimeSpan.FromHours(1));
        await net.CommitAsync(Put("others", "1", "1"));
        Assert.Equal(["net t 1"], await net.LogAsync("people", "a:sub"));
        Assert.Equal(["events:people:a:sub:t"], await elixir.KeysAsync("events:*"));
    }

    [Fact]
    public async Task A_call_that_is_cancelled_while_it_scans_ends_and_the_next_one_works()
    {
        var (net, _) = await redis.OpenBothAsync();
        await using var disposing = net;
        var commit = new Commit(Commit.NewVersion());
        foreach (var i in Enumerable.Range(0, 3000)) commit.Add(Put("c", $"{i}", "1"));
        await net.Store.CommitAsync(commit, TestContext.Current.CancellationToken);
        for (var round = 0; round < 50; round++)
        {
            using var cancelled = new CancellationTokenSource();
            var counting = net.Store.CountAsync("c", cancelled.Token).AsTask();
            await Task.Yield();
            await cancelled.CancelAsync();
            try { Assert.Equal(3000, await counting); }
            catch (OperationCanceledException) { Assert.True(counting.IsCanceled); }
        }
        Assert.Equal(3000, await net.Store.CountAsync("c", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_end_that_has_come_on_the_server_first_does_not_leave_the_old_log()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await net.CommitAsync(Put("people", "1", "1") with { ExpiresAt = TimeProvider.System.GetUtcNow().AddHours(1) }, "t");
        await elixir.PushAsync("people", "1", "u", """{"author":"elixir","create_ts":1,"data":1,"forwarded":false,"type":"u","__brook_struct__":"Elixir.Brook.Event"}""");
        await (await redis.ConnectAsync()).KeyDeleteAsync(elixir.StateOf("people", "1"));      // as PX does
        Assert.True((await net.CommitAsync(Put("people", "1", "2", 0), "v")).IsCommitted);
        Assert.Equal(["net v 1"], await net.LogAsync("people", "1"));
    }

    [Fact]
    public async Task Increments_from_here_lose_none_while_Elixir_writes_elsewhere_and_the_same()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("n", "a", "0");
        var writers = Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var done = 0; done < 25;)
            {
                var read = await net.ReadAsync("n", "a");
                var next = int.Parse(Encoding.UTF8.GetString(read.Value.Span), System.Globalization.CultureInfo.InvariantCulture) + 1;
                if ((await net.CommitAsync(Put("n", "a", $"{next}", read.Version))).IsCommitted) done++;
            }
        }).ToList();
        for (var i = 0; i < 100; i++) await elixir.PersistAsync("n", "b", $"{i}");
        await Task.WhenAll(writers);
        Assert.Equal("100", await net.ValueAsync("n", "a"));
    }

    [Fact]
    public async Task A_page_goes_on_in_another_process_and_after_it_was_forgotten()
    {
        var space = SharedRedis.NewNamespace();
        await using var one = redis.OpenElixir(space: space);
        await using var other = redis.OpenElixir(space: space);
        foreach (var store in (ElixirViewStore[])[one, other]) await store.StartAsync(TestContext.Current.CancellationToken);
        var commit = new Commit(Commit.NewVersion());
        foreach (var i in Enumerable.Range(0, 50)) commit.Add(Put("c", $"{i:D2}/x", "1"));
        await one.CommitAsync(commit, TestContext.Current.CancellationToken);
        var (keys, after, turn) = (new List<string>(), (string?)null, 0);
        do
        {
            var page = await (turn++ % 2 == 0 ? one : other).ReadPageAsync("c", "", after, 7, TestContext.Current.CancellationToken);
            keys.AddRange(page.Entries.Select(entry => entry.Key));
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i:D2}/x"), keys);
    }
}
