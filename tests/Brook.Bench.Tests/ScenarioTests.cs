using System.Text.Json;

namespace Brook.Bench.Tests;

/// <summary>Every scenario runs, with few events, and says what a program reads.</summary>
public sealed class ScenarioTests
{
    public static TheoryData<string> Scenarios => [.. Scenario.All.Select(scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task The_last_line_is_a_JSON_object_with_every_row_and_ratio(string name)
    {
        var (exit, lines) = await RunAsync(name, "--json", "--events", "600", "--rounds", "1");

        Assert.Equal(0, exit);
        using var json = JsonDocument.Parse(lines[^1]);
        var scenario = Scenario.All.Single(scenario => scenario.Name == name);
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

    private static async Task<(int Exit, string[] Lines)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        var exit = await Program.RunAsync(args, output);
        return (exit, output.ToString().TrimEnd().Split('\n'));
    }
}
