using System.Reflection;
using System.Text.Json;

namespace Brook.Tests.Faithfulness;

/// <summary>Each experiment with the original is a test here, or does not apply for a reason.</summary>
public sealed class CoverageTests
{
    private const string Typed = "the type system does not let it be written: ";
    private const string Strings = "keys and collections are strings, always; there are no other terms to mistake them for";

    private static readonly Dictionary<string, string> s_doesNotApply = new()
    {
        ["merge_plain_list"] = Typed + "Merge takes a function of the value's type, or JSON fields; there are no keyword lists",
        ["merge_plain_list_into_nothing"] = Typed + "as merge_plain_list",
        ["merge_scalar"] = Typed + "Merge takes a function or fields",
        ["merge_function_arity2"] = Typed + "a merge function takes one value",
        ["return_error_tuple"] = Typed + "a handler returns Changes; an error is an exception",
        ["return_nil"] = Typed + "Changes is a struct; its default is nothing to do (see return_ok)",
        ["write_outside_handler"] = "changes are values: made outside of a handler they do nothing",
        ["write_from_spawned_task"] = "changes are values that the handler returns, whatever task made them",
        ["int_vs_string_key"] = Strings,
        ["int_vs_string_staged"] = Strings,
        ["atom_vs_string_collection"] = Strings,
        ["update_data"] = "events are immutable; a new event is made with other data",
        ["event_new_unknown_key"] = Typed + "an unknown property does not compile",
        ["get_not_started"] = "a view comes from the container: of an unknown instance there is none to call",
        ["get_all_not_started"] = "as get_not_started",
        ["test_with_event"] = "writing from a test is Brook.Testing's, and tested there",
    };

    [Fact]
    public void Every_experiment_is_a_test_or_does_not_apply_for_a_reason()
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "golden", "behaviour.json")));
        var experiments = golden.RootElement.GetProperty("experiments").EnumerateArray().Select(experiment => experiment.GetProperty("id").GetString()!).ToHashSet();
        var tests = typeof(CoverageTests).Assembly.GetTypes().SelectMany(type => type.GetMethods()).Where(method => method.GetCustomAttributes<FactAttribute>(inherit: true).Any())
            .SelectMany(method => method.GetCustomAttributes<ExperimentAttribute>()).Select(attribute => attribute.Id).ToHashSet();

        Assert.Equal(54, experiments.Count);
        Assert.Empty(experiments.Except(tests).Except(s_doesNotApply.Keys));
        Assert.Empty(tests.Union(s_doesNotApply.Keys).Except(experiments));
        Assert.Empty(tests.Intersect(s_doesNotApply.Keys));
        Assert.All(s_doesNotApply.Values, reason => Assert.False(string.IsNullOrWhiteSpace(reason)));
    }
}
