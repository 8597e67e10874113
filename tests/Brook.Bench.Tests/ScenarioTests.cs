using System.Text.Json;
using Brook.Bench.Scenarios.Redis;
using Brook.TestServers;

namespace Brook.Bench.Tests;

/// <summary>Every scenario runs, with few events, and says what a program reads.</summary>
public sealed class ScenarioTests
{
    public static TheoryData<string> Scenarios => [.. Scenario.All.Select(scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task The_last_line_is_a_JSON_object_with_every_row_and_ratio(string name)
    {
        var scenario = Scenario.All.Single(scenario => scenario.Name == name);
        Assert.SkipWhen(Servers.SkipReason(scenario.WhyNot) is not null, scenario.WhyNot ?? "");

        var (exit, lines) = await RunAsync(name, "--json", "--events", "600", "--rounds", "1");

        Assert.Equal(0, exit);
        using var json = JsonDocument.Parse(lines[^1]);
        Assert.Equal(name, json.RootElement.GetProperty("scenario").GetString());
        var rows = json.RootElement.GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal(scenario.Rows.Select(row => row.Name), rows.Select(row => row.GetProperty("name").GetString()));
        Assert.All(rows, row =>
        {
            Assert.Equal(600, row.GetProperty("events").GetInt32());
            Assert.True(row.GetProperty("events_per_second").GetDouble() > 0);
            Assert.True(row.GetProperty("cpu_us_per_event").GetDouble() >= 0);
            Assert.True(row.GetProperty("bytes_per_event").GetDouble() > 0);
        });
        var ratios = json.RootElement.GetProperty("ratios");
        Assert.All(scenario.Ratios, ratio => Assert.True(ratios.GetProperty(ratio.Name).GetDouble() > 0));
    }

    [Fact]
    public async Task The_redis_scenario_says_what_the_server_spends_and_what_a_large_collection_costs()
    {
        Assert.SkipWhen(Servers.SkipReason(new IntoRedis().WhyNot) is not null, new IntoRedis().WhyNot ?? "");

        var (_, lines) = await RunAsync("redis", "--json", "--events", "3000", "--rounds", "1");

        using var json = JsonDocument.Parse(lines[^1]);
        Assert.Equal(["getall_longest_block_ms", "getall_entries_per_second", "bytes_per_entry", "bytes_per_logged_event"], json.RootElement.GetProperty("figures").EnumerateObject().Select(figure => figure.Name));
        Assert.All(json.RootElement.GetProperty("figures").EnumerateObject(), figure => Assert.True(figure.Value.GetDouble() > 0, figure.Name));
        Assert.True(json.RootElement.GetProperty("rows")[0].GetProperty("server_cpu_us_per_event").GetDouble() > 0);
        Assert.InRange(json.RootElement.GetProperty("figures").GetProperty("bytes_per_entry").GetDouble(), 300, 1000);
    }

    [Fact]
    public async Task A_scenario_that_this_machine_cannot_run_says_why_in_a_line()
    {
        using var output = new StringWriter();

        var exit = await Program.RunAsync(new Lacking(), [], output);

        Assert.Equal((2, "lacking cannot run: no server here"), (exit, output.ToString().TrimEnd()));
    }

    [Theory]
    [InlineData]
    [InlineData("nosuch")]
    public async Task Without_a_scenario_they_are_listed(params string[] args)
    {
        var (exit, lines) = await RunAsync(args);

        Assert.Equal(2, exit);
        Assert.All(Scenario.All, scenario => Assert.Contains(lines, line => line.StartsWith($"  {scenario.Name} ", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_median_is_the_middle_or_between_the_two_middle_ones()
    {
        Assert.Equal(2, Measure.Median([3, 1, 2]));
        Assert.Equal(2.5, Measure.Median([4, 1, 2, 3]));
    }

    private sealed class Lacking : Scenario
    {
        public override string Name => "lacking";
        public override string About => "";
        public override IReadOnlyList<string> Notes => [];
        public override IReadOnlyList<Row> Rows => [];
        public override string? WhyNot => "no server here";
    }

    private static async Task<(int Exit, string[] Lines)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        var exit = await Program.RunAsync(args, output);
        return (exit, output.ToString().TrimEnd().Split('\n'));
    }
}
