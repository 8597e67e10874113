using System.Globalization;
using System.Text;

namespace Brook.Testing;

/// <summary>A failure in the form a person reads.</summary>
internal static class Story
{
    public static ChaosException Of(string name, string found, ChaosPlan plan, Failure failure, bool repeats)
    {
        var text = new StringBuilder();
        Line($"Chaos with {name}: {What(failure.Kind)} ({found})");
        Line("events");
        foreach (var e in failure.Events) Line($"  {e.Number}  {e.Text}{(e.HasCallersId ? ", with an id of its own" : "")}{Fails(e.Poison)}{(plan.Lanes > 1 ? $" -> lane {e.Lane}" : "")}");
        if (failure.Story.Count > 0) Line("what happened");
        foreach (var line in failure.Story) Line($"  {line}");
        Line($"{failure.Where}");
        Line($"  {(failure.Kind == FailureKind.Nondeterministic ? "first:   " : "expected:")} {failure.Expected}");
        Line($"  {(failure.Kind == FailureKind.Nondeterministic ? "second:  " : "found:   ")} {failure.Found}");
        Line($"likely: {Likely(plan, failure)}");
        if (!repeats) Line("it did not fail when it was run again: it rests on something outside the events, static state or the time of day, say");
        text.Append(CultureInfo.InvariantCulture, $"run just this again: .RunAgainAsync(\"{plan}\")");
        return new(text.ToString(), failure.Cause);

        void Line(string line) => text.Append(line).Append('\n');
    }

    private static string What(FailureKind kind) => kind switch
    {
        FailureKind.Nondeterministic => "the same events, folded twice, make two views",
        FailureKind.Differs => "the view is not the clean fold of the events",
        FailureKind.Hangs => "the run did not end",
        _ => "the run broke off",
    };

    private static string Fails(PoisonKind poison) => poison switch
    {
        PoisonKind.None => "",
        PoisonKind.Throws => ", and its handler fails",
        PoisonKind.MergeThrows => ", and its merge fails",
        _ => ", and its handler fails the first time",
    };

    private static string Likely(ChaosPlan plan, Failure failure) => failure.Kind switch
    {
        FailureKind.Nondeterministic => "a handler uses the clock, random numbers, new ids or state of its own. Take what it needs from the event",
        FailureKind.Hangs => "a handler that blocks",
        FailureKind.Broke => "what the last line says; a lane waits for ever for a store that fails, and for an operator where going on would lose events",
        _ when plan.Lanes > 1 && !plan.Steps.Any(step => step is FaultStep or AgainStep or DeliverStep { Back: > 0 }) => "the view depends on the order of events of different keys. Give them one key, or leave this out where the stream has one partition: .Without(ChaosFaults.Reorder)",
        _ when plan.Steps.All(step => step is EventStep { Poison: PoisonKind.None } or DeliverStep { Back: 0 }) => "a handler reads the view in a way that does not see what stands before it in its batch, or keeps state of its own",
        _ => "a handler keeps state of its own or changes what it was given, or the store breaks a promise (ViewStoreContract)",
    };
}
