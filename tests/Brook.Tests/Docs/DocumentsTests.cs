using System.Reflection;
using System.Text.RegularExpressions;

namespace Brook.Tests.Docs;

/// <summary>The documents name what there is.</summary>
public sealed partial class DocumentsTests
{
    /// <summary>A text in the sources that is no error: names of contract cases, what chaos tells, log messages and instruments.</summary>
    private static readonly string[] s_noErrors = ["Chaos", "Contract", "Diagnostics", "Sql"];

    [Fact]
    public void Every_error_text_is_in_errors_md()
    {
        var errors = Repository.Read("docs/errors.md");
        var texts = Repository.Files("src", ".cs").Where(file => !s_noErrors.Contains(Path.GetFileName(Path.GetDirectoryName(file))))
            .SelectMany(file => SourceTexts.Of(File.ReadAllText(file)).Where(text => text.Count(c => c == ' ') >= 4 && !Sql().IsMatch(text)).Select(text => (File: Path.GetRelativePath(Repository.Root, file), Text: BeginningOf(text)))).ToList();

        Assert.True(texts.Count > 60, $"only {texts.Count} texts were found in src");
        None(texts.Where(text => text.Text.Split(SourceTexts.Hole).Any(part => !errors.Contains(part.Trim(), StringComparison.Ordinal))));
    }

    [Fact]
    public void Every_short_text_that_is_thrown_is_in_errors_md_too()
    {
        var errors = Repository.Read("docs/errors.md");
        var texts = Repository.Files("src", ".cs").Where(file => Path.GetFileName(Path.GetDirectoryName(file)) != "Contract")
            .SelectMany(file => Thrown().Matches(File.ReadAllText(file)).Select(match => (File: Path.GetRelativePath(Repository.Root, file), Text: BeginningOf(match.Groups[1].Value.Split('\\')[0]).Trim()))).Where(text => text.Text.Contains(' ', StringComparison.Ordinal)).ToList();

        Assert.True(texts.Count > 60, $"only {texts.Count} texts were found in src");
        None(texts.Where(text => !errors.Contains(text.Text, StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_error_of_a_database_script_is_in_errors_md()
    {
        var errors = Repository.Read("docs/errors.md");
        var texts = Repository.Files("src", ".sql").SelectMany(file => Raised().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value)).ToList();

        Assert.True(texts.Count >= 3);
        None(texts.SelectMany(text => BeginningOf(text.Replace("brook: ", "", StringComparison.Ordinal)).Split('%')).Where(part => !errors.Contains(part.Trim(), StringComparison.Ordinal)));
    }

    /// <summary>Or its errors would be read past: the folders of src, less those that have none.</summary>
    [Fact]
    public void Every_package_is_read_for_errors()
    {
        var packages = Repository.Files("src", ".csproj").Select(file => Path.GetFileNameWithoutExtension(file)).ToList();
        var read = Repository.Files("src", ".cs").Where(file => SourceTexts.Of(File.ReadAllText(file)).Any(text => text.Count(c => c == ' ') >= 4)).Select(file => Path.GetRelativePath(Path.Combine(Repository.Root, "src"), file).Split(Path.DirectorySeparatorChar)[0]).ToHashSet();

        Assert.True(packages.Count >= 9);
        None(packages.Where(package => !read.Contains(package)));
    }

    [Fact]
    public void Every_option_is_in_defaults_md_with_its_default()
    {
        var rows = Repository.Read("docs/defaults.md").Split('\n');
        var options = new BrookOptions();

        Assert.All(typeof(BrookOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance), option =>
        {
            var row = rows.SingleOrDefault(row => row.StartsWith($"| `{option.Name}` |", StringComparison.Ordinal));
            Assert.True(row is not null, $"{option.Name} has no row");
            var cells = row.Split('|');
            Assert.Contains(ShownAs(option.GetValue(options), cells[3].Trim()), cells[2], StringComparison.Ordinal);
        });
    }

    public static TheoryData<string> Documents => [.. Repository.Files("", ".md").Select(file => Path.GetRelativePath(Repository.Root, file))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_relative_link_leads_somewhere(string document)
    {
        var links = Link().Matches(Repository.Read(document)).Select(match => match.Groups[1].Value)
            .Where(link => !link.Contains("://", StringComparison.Ordinal) && !link.StartsWith('#') && !link.StartsWith("mailto:", StringComparison.Ordinal)).Select(link => link.Split('#')[0]);
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, document))!;

        None(links.Where(link => !Path.Exists(Path.GetFullPath(Path.Combine(folder, link)))));
    }

    [Fact]
    public void Every_file_and_test_class_named_in_path_of_an_event_md_exists()
    {
        var rows = Repository.Read("docs/path-of-an-event.md").Split('\n').Where(row => row.StartsWith('|') && row.Contains("`src/", StringComparison.Ordinal)).ToList();
        var named = rows.SelectMany(row => Code().Matches(row).Select(match => match.Groups[1].Value)).ToList();
        var classes = Repository.Files("tests", ".cs").Select(Path.GetFileNameWithoutExtension).ToHashSet();

        Assert.True(rows.Count >= 10);
        None(named.Where(name => name.Contains('/', StringComparison.Ordinal) ? !Path.Exists(Path.Combine(Repository.Root, name)) : !classes.Contains(name)));
    }

    [Fact]
    public void Telemetry_md_has_every_instrument_with_its_kind_and_unit_and_no_other()
    {
        var made = Repository.Files("src", "Telemetry.cs").SelectMany(file => Instrument().Matches(File.ReadAllText(file)))
            .Select(match => $"| `{match.Groups[2].Value}` | {match.Groups[1].Value.Replace("Observable", "", StringComparison.Ordinal).ToLowerInvariant()} | {UnitOf(match.Groups[3].Value)}|").ToList();
        var rows = Repository.Read("docs/telemetry.md").Split('\n').Where(row => row.StartsWith("| `brook.", StringComparison.Ordinal)).ToList();

        Assert.True(made.Count >= 14, $"only {made.Count} instruments were found in src");
        None(made.Where(row => !rows.Exists(other => other.StartsWith(row, StringComparison.Ordinal))));
        Assert.Equal(made.Count, rows.Count);

        static string UnitOf(string unit) => unit == "null" ? "" : $"`{unit.Trim('"')}` ";
    }

    [Fact]
    public void Telemetry_md_has_every_log_message_with_its_id_and_level()
    {
        var telemetry = Repository.Read("docs/telemetry.md");
        var made = Repository.Files("src", "Log.cs").SelectMany(file => LogMessage().Matches(File.ReadAllText(file)))
            .Select(match => $"| {match.Groups[1].Value} | `{match.Groups[3].Value}` | {match.Groups[2].Value.ToLowerInvariant()} |").ToList();

        Assert.True(made.Count >= 30, $"only {made.Count} log messages were found in src");
        None(made.Where(row => !telemetry.Contains(row, StringComparison.Ordinal)));
    }

    [Fact]
    public void Health_md_has_every_state()
        => None(Enum.GetNames<BrookState>().Where(state => !Repository.Read("docs/health.md").Contains($"\n| `{state}` |", StringComparison.Ordinal)));

    [Fact]
    public void Every_file_named_in_defaults_md_exists()
    {
        var files = Repository.Files("src", ".cs").Select(file => file.Replace('\\', '/')).ToList();
        var named = Code().Matches(Repository.Read("docs/defaults.md")).Select(match => match.Groups[1].Value).Where(name => name.EndsWith(".cs", StringComparison.Ordinal));

        None(named.Where(name => !files.Exists(file => file.EndsWith($"/{name}", StringComparison.Ordinal))));
    }

    [Fact]
    public void Every_decision_is_in_the_list_of_documents()
    {
        var list = Repository.Read("docs/README.md");

        None(Repository.Files("docs/decisions", ".md").Select(Path.GetFileName).Where(name => !list.Contains($"decisions/{name}", StringComparison.Ordinal)));
    }

    private static void None<T>(IEnumerable<T> wrong) => Assert.True(!wrong.Any(), string.Join('\n', wrong));

    /// <summary>Up to the first full stop, colon or line break: what follows is advice, or somebody else's text.</summary>
    private static string BeginningOf(string text) => Beginning().Match(text.Trim()).Value;

    private static string ShownAs(object? value, string unit) => value switch
    {
        null => "null",
        TimeSpan time => FormattableString.Invariant($"{(unit == "milliseconds" ? time.TotalMilliseconds : time.TotalSeconds):0}"),
        int or long => FormattableString.Invariant($"{value:N0}"),
        Enum policy => $"`{policy}`",
        string => "entry assembly's name",
        System.Collections.IDictionary { Count: 0 } => "empty",
        _ => throw new InvalidOperationException($"How is a {value.GetType()} written in defaults.md?"),
    };

    [GeneratedRegex(@"^.*?(?=[.:](?:\s|$|\u2026)|\n|$)", RegexOptions.Singleline)]
    private static partial Regex Beginning();

    /// <summary>Statements are no errors.</summary>
    [GeneratedRegex("^(SELECT|INSERT|UPDATE|DELETE|BEGIN|PRAGMA) ")]
    private static partial Regex Sql();

    [GeneratedRegex("""new \w*Exception\([^"\n;]{0,60}?\$?"([^"{]{2,})""")]
    private static partial Regex Thrown();

    [GeneratedRegex("RAISE EXCEPTION '([^']+)'")]
    private static partial Regex Raised();

    [GeneratedRegex("""Create(Counter|Histogram|ObservableGauge)(?:<\w+>)?\("(brook[^"]+)"(?:, \(\) => s_gauges\.\w+(?:<\w+>)?\(.*\))?, ("[^"]+"|null),""")]
    private static partial Regex Instrument();

    [GeneratedRegex("""LoggerMessage\((\d+), LogLevel\.(\w+), .*EventName = "(\w+)"\)""")]
    private static partial Regex LogMessage();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
