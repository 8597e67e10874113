using System.Text.RegularExpressions;

namespace Brook.Tests.Docs;

/// <summary>docs/bad-input.md: every row says what comes of it, and names a test that is there.</summary>
public sealed partial class BadInputTableTests
{
    private static readonly string[] s_outcomes = ["applied", "applied once", "passed over", "set aside", "error queue", "lane halts", "waits", "refused", "setup fails"];

    private static readonly ILookup<string, string> s_tests = Repository.Files("tests", ".cs").ToLookup(file => Path.GetFileNameWithoutExtension(file), File.ReadAllText);

    [Fact]
    public void There_are_rows_of_every_group()
    {
        var rows = Rows().ToLookup(row => row.Group);

        Assert.Equal(["Messages", "Keys and names", "Configuration", "Server state"], rows.Select(group => group.Key));
        Assert.All(rows, group => Assert.InRange(group.Count(), 15, 200));
        Assert.InRange(rows.Sum(group => group.Count()), 60, 500);
        Assert.Empty(Rows().GroupBy(row => row.Cells[0]).Where(input => input.Count() > 1).Select(input => input.Key));
    }

    [Fact]
    public void Every_row_says_what_the_user_sees_and_has_an_outcome()
    {
        Assert.Empty(Rows().Where(row => row.Cells.Length != 4 || row.Cells.Any(string.IsNullOrWhiteSpace)).Select(row => string.Join(" | ", row.Cells)));
        Assert.Empty(Rows().Where(row => !s_outcomes.Contains(row.Cells[2])).Select(row => $"{row.Cells[0]}: {row.Cells[2]}"));
    }

    [Fact]
    public void Every_row_names_a_test_that_is_there()
    {
        Assert.Empty(Rows().Where(row => !IsThere(row.Cells[3])).Select(row => $"{row.Cells[0]}: {row.Cells[3]}"));
    }

    /// <summary>A method of that class, marked as a test; and where the row names one of its cases, that stands in the class.</summary>
    private static bool IsThere(string cell) => Test().Match(cell) is { Success: true } test && s_tests[test.Groups["class"].Value].Any(source =>
        Regex.IsMatch(source, $@"\[(Fact|Theory|Experiment)[^\n]*(\n\s+\[[^\n]*)*\n\s+public (async )?(Task|void) {test.Groups["method"].Value}\(")
        && (!test.Groups["case"].Success || source.Contains($"\"{test.Groups["case"].Value}\"", StringComparison.Ordinal)));

    private static IEnumerable<(string Group, string[] Cells)> Rows()
    {
        var group = "";
        foreach (var line in Repository.Read("docs/bad-input.md").Split('\n'))
            if (line.StartsWith("## ", StringComparison.Ordinal)) group = line[3..].Trim();
            else if (group.Length > 0 && line.StartsWith('|') && !line.StartsWith("| input |", StringComparison.Ordinal) && !line.StartsWith("|---", StringComparison.Ordinal)) yield return (group, [.. line.Trim().Trim('|').Split(" | ").Select(cell => cell.Trim())]);
    }

    [GeneratedRegex("^`(?<class>[A-Za-z0-9]+)\\.(?<method>[A-Za-z0-9_]+)`(?: `(?<case>[^`]+)`)?$")]
    private static partial Regex Test();
}
