using System.Text.Json;
using Brook.TestServers;

namespace Brook.Faults.Tests;

[Collection("trials, one after the other")]
public sealed class ProgramTests
{
    [Fact]
    public async Task The_last_line_is_a_JSON_object_with_a_row_for_each_fault_and_feed()
    {
        var (exit, lines) = await RunAsync("--only", "calm", "--trials", "2", "--seed", "5", "--json");

        Assert.Equal(0, exit);
        Assert.StartsWith("fault  ", lines[0], StringComparison.Ordinal);
        using var json = JsonDocument.Parse(lines[^1]);
        Assert.Equal(("redis", true), (json.RootElement.GetProperty("store").GetString(), json.RootElement.GetProperty("exact").GetBoolean()));
        var rows = json.RootElement.GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal([("calm", "offsets"), ("calm", "messages")], rows.Select(row => (row.GetProperty("fault").GetString()!, row.GetProperty("feed").GetString()!)));
        Assert.All(rows, row =>
        {
            Assert.Equal(1, row.GetProperty("trials").GetInt32());
            Assert.True(row.GetProperty("events").GetInt64() > 0 && row.GetProperty("commits").GetInt64() > 0);
            Assert.All(["injected", "gone", "lost", "doubled", "out_of_order", "half", "wrong"], name => Assert.Equal(0, row.GetProperty(name).GetInt64()));
            Assert.Empty(row.GetProperty("bad_seeds").EnumerateArray());
        });
    }

    [Fact]
    public async Task A_bad_trial_ends_in_code_1_and_says_how_to_run_it_again()
    {
        var (exit, lines) = await RunAsync("--only", "zombie", "--feed", "offsets", "--trials", "1", "--seed", "3", "--without", "fence", "--json");

        Assert.Equal(1, exit);
        Assert.Contains("  again: ./bench/faults --only zombie --feed offsets --trials 1 --seed 3 --without fence", lines);
        using var json = JsonDocument.Parse(lines[^1]);
        Assert.False(json.RootElement.GetProperty("exact").GetBoolean());
        Assert.Equal([3], json.RootElement.GetProperty("rows")[0].GetProperty("bad_seeds").EnumerateArray().Select(seed => seed.GetInt32()));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("--only", "nosuch")]
    [InlineData("--store", "nosuch")]
    [InlineData("--feed", "nosuch")]
    [InlineData("--without", "nosuch")]
    [InlineData("--transport", "nosuch")]
    [InlineData("--transport", "rabbitmq", "--only", "nosuch")]
    [InlineData("--transport", "kafka", "--without", "ack-after-commit")]
    [InlineData("--transport", "inmemory", "--only", "worker-killed")]
    [InlineData("--store", "inmemory")]
    [InlineData("--all", "--only", "nosuch")]
    public async Task What_it_does_not_know_is_answered_with_what_there_is(params string[] args)
    {
        var (exit, lines) = await ProgramAsync(args);

        Assert.Equal(2, exit);
        Assert.All(Fault.All.Select(fault => fault.Name).Concat(Guard.All.Select(guard => guard.Name)).Concat(Store.All.Select(store => store.Name)).Concat(Transport.All.SelectMany(transport => transport.Faults.Select(fault => fault.Name).Concat(transport.Guards.Select(guard => guard.Name)))),
            name => Assert.Contains(lines, line => line.TrimEnd() == $"  {name}" || line.StartsWith($"  {name} ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task One_table_has_every_transport_with_both_stores_its_sums_and_what_does_not_apply()
    {
        var (exit, lines) = await RunAsync("--all", "--only", "stop-start", "--trials", "1", "--json");

        Assert.True(exit == 0, string.Join('\n', lines));
        Assert.Equal(["transport", "store", "fault", "trials", "injected", "events", "lost", "doubled", "order", "parked", "released", "skipped", "replaced", "verdict"], lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        using var json = JsonDocument.Parse(lines[^1]);
        Assert.True(json.RootElement.GetProperty("exact").GetBoolean());
        var rows = json.RootElement.GetProperty("rows").EnumerateArray().ToList();
        Assert.Contains(("inmemory", "redis"), rows.Select(row => (row.GetProperty("transport").GetString(), row.GetProperty("store").GetString())));
        foreach (var name in new[] { "trials", "injected", "events", "parked", "released" })
        {
            Assert.All(rows, row => Assert.True(row.GetProperty("figures").GetProperty(name).GetInt64() > 0, name));
            Assert.Equal(rows.Sum(row => row.GetProperty("figures").GetProperty(name).GetInt64()), json.RootElement.GetProperty("sums").GetProperty(name).GetInt64());
        }
        Assert.Contains(lines, line => line.StartsWith("all  ", StringComparison.Ordinal) && line.EndsWith("exact", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("not applicable: inmemory, redis: ", StringComparison.Ordinal) && line.Contains("worker-killed", StringComparison.Ordinal));
    }

    [Fact]
    public void A_fault_that_a_pair_has_not_is_named_with_a_reason()
    {
        foreach (var transport in Transport.All)
            foreach (var store in new[] { Store.Of("inmemory"), Store.Of("redis") })
            {
                var named = Matrix.Missing(transport, store).SelectMany(missing => missing.Faults).Concat(transport.FaultsOn(store).Select(fault => fault.Name)).ToHashSet();
                Assert.All(Transport.All.SelectMany(one => one.Faults).Where(fault => !fault.IsAskedFor), fault => Assert.Contains(fault.Name, named));
            }
    }

    [Fact]
    public void Every_guard_names_a_fault_that_there_is_over_each_store()
        => Assert.All(Store.All.Where(store => store is not InMemory), store => Assert.All(Guard.All.Select(guard => guard.Over(store)), guard => Assert.Contains(Fault.All, fault => fault.Name == guard.Fault && fault.AppliesTo(store, guard.Feed))));

    [Fact]
    public void Every_guard_over_a_transport_names_a_fault_that_there_is()
        => Assert.All(Transport.All, transport => Assert.All(transport.Guards, guard => Assert.Contains(transport.Faults, fault => fault.Name == guard.Fault)));

    private static Task<(int Exit, string[] Lines)> RunAsync(params string[] args)
    {
        Assert.SkipWhen(Servers.SkipReason(RedisServer.WhyNot) is not null, RedisServer.WhyNot ?? "");
        return ProgramAsync(args);
    }

    private static async Task<(int Exit, string[] Lines)> ProgramAsync(string[] args)
    {
        using var output = new StringWriter();
        var exit = await Program.RunAsync(args, output, TestContext.Current.CancellationToken);
        return (exit, output.ToString().TrimEnd().Split('\n'));
    }
}
