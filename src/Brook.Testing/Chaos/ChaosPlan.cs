using System.Globalization;
using Brook.Lanes;

namespace Brook.Testing;

internal enum PoisonKind { None, Throws, MergeThrows, ThrowsOnce }

internal enum FaultKind { Fails, Away, Crash, Interrupt, TakeOver, Touch, OtherLane, Slow }

/// <summary>One step of a trial. Any of them can be taken out and a trial is left: that is what makes it possible to find the shortest one.</summary>
internal abstract record Step;

/// <summary>An event is sent: what its source makes of these choices.</summary>
internal sealed record EventStep(int Source, long[] Choices, bool HasId, PoisonKind Poison) : Step;

/// <summary>An event with an id of its own is sent a second time.</summary>
internal sealed record AgainStep(int Event) : Step;

/// <summary>A lane is handed so many new events, behind what it had <paramref name="Back"/> messages or events ago.</summary>
internal sealed record DeliverStep(int Lane, int Count, int Back) : Step;

/// <summary>Something happens in the next delivery, before or after one of its calls of the store.</summary>
internal sealed record FaultStep(FaultKind Kind, int Call, bool After, int Arg) : Step;

/// <summary>A trial, in full. As a text it is what a test can keep to run it again.</summary>
internal sealed record ChaosPlan(int Lanes, LaneGuard Guard, int BatchEvents, IReadOnlyList<Step> Steps)
{
    public const int Uncut = 500;

    public override string ToString() => $"{Lanes}/{(Guard == LaneGuard.Offsets ? 'o' : 'm')}/{BatchEvents} {string.Join(' ', Steps.Select(Text))}".TrimEnd();

    /// <exception cref="FormatException">It is no plan.</exception>
    public static ChaosPlan Parse(string text)
    {
        try
        {
            var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var head = parts[0].Split('/');
            return new((int)Number(head[0]), head[1] switch { "o" => LaneGuard.Offsets, "m" => LaneGuard.MessageIds, _ => throw new FormatException(head[1]) }, (int)Number(head[2]), [.. parts.Skip(1).Select(StepOf)]);
        }
        catch (Exception e) when (e is FormatException or IndexOutOfRangeException or OverflowException)
        {
            throw new FormatException($"'{text}' is no trial of Chaos. Take the text from a failure's message as it is.", e);
        }
    }

    private static string Text(Step step) => step switch
    {
        EventStep e => string.Create(CultureInfo.InvariantCulture, $"e{e.Source}.{(int)e.Poison}.{(e.HasId ? 1 : 0)}{string.Concat(e.Choices.Select(choice => string.Create(CultureInfo.InvariantCulture, $".{choice}")))}"),
        AgainStep a => string.Create(CultureInfo.InvariantCulture, $"a{a.Event}"),
        DeliverStep d => string.Create(CultureInfo.InvariantCulture, $"d{d.Lane}.{d.Count}.{d.Back}"),
        FaultStep f => string.Create(CultureInfo.InvariantCulture, $"f{(int)f.Kind}.{f.Call}.{(f.After ? 1 : 0)}.{f.Arg}"),
        _ => throw new InvalidOperationException(),
    };

    private static Step StepOf(string text)
    {
        var numbers = Array.ConvertAll(text[1..].Split('.'), Number);
        return text[0] switch
        {
            'e' => new EventStep((int)numbers[0], numbers[3..], numbers[2] != 0, (PoisonKind)numbers[1]),
            'a' => new AgainStep((int)numbers[0]),
            'd' => new DeliverStep((int)numbers[0], (int)numbers[1], (int)numbers[2]),
            'f' => new FaultStep((FaultKind)numbers[0], (int)numbers[1], numbers[2] != 0, (int)numbers[3]),
            _ => throw new FormatException(text),
        };
    }

    private static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
