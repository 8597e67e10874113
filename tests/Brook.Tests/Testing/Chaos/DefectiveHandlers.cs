using static Brook.Change;

namespace Brook.Tests.Testing.ChaosKit;

internal sealed record Counted(string Name, int Number);

internal static class Counts
{
    public static readonly ViewCollection<int> Numbers = "numbers";
    public static readonly ViewCollection<string> Texts = "texts";
    public static readonly ViewCollection<List<int>> Lists = "lists";
}

/// <summary>As it should be.</summary>
internal sealed class Sound : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e) => Merge(Counts.Numbers, e.Data.Name, sum => sum + e.Data.Number);
}

/// <summary>The time of handling, not of the event.</summary>
internal sealed class WallClock : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e) => Create(Counts.Texts, e.Data.Name, $"{TimeProvider.System.GetTimestamp()}");
}

/// <summary>Asks the clock that tests may set: still not the event's time.</summary>
internal sealed class InjectedClock(TimeProvider time) : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e) => Create(Counts.Texts, e.Data.Name, $"{time.GetUtcNow():yyyy-MM}");
}

internal sealed class NewIds : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e) => Create(Counts.Texts, e.Data.Name, $"{Guid.NewGuid()}");
}

internal sealed class RandomNumbers : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e) => Create(Counts.Numbers, e.Data.Name, Random.Shared.Next());
}

internal sealed class StaticCounter : IBrookHandler<Counted>
{
    private static int s_count;

    public Changes Handle(BrookEvent<Counted> e) => Create(Counts.Numbers, e.Data.Name, Interlocked.Increment(ref s_count));
}

/// <summary>Right until the process ends.</summary>
internal sealed class OwnCounter : IBrookHandler<Counted>
{
    private readonly Dictionary<string, int> _sums = [];

    public Changes Handle(BrookEvent<Counted> e) => Create(Counts.Numbers, e.Data.Name, _sums[e.Data.Name] = _sums.GetValueOrDefault(e.Data.Name) + 1);
}

/// <summary>Remembers the last one: of whatever key.</summary>
internal sealed class LastOfAll : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e) => Create(Counts.Texts, "last", e.Data.Name);
}

internal sealed class ListOfAll : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e) => Merge(Counts.Lists, "all", [], list => [.. list, e.Data.Number]);
}

/// <summary>A merge with a side effect: it may run again.</summary>
internal sealed class MergeCounts : IBrookHandler<Counted>
{
    public Changes Handle(BrookEvent<Counted> e)
    {
        var calls = 0;
        return Merge(Counts.Numbers, e.Data.Name, sum => sum + ++calls);
    }
}

/// <summary>One list for all: whoever merges into it changes the next one's start.</summary>
internal sealed class SharedList : IBrookHandler<Counted>
{
    private static readonly List<int> s_empty = [];

    public Changes Handle(BrookEvent<Counted> e) => Merge(Counts.Lists, e.Data.Name, list =>
    {
        list ??= s_empty;
        list.Add(e.Data.Number);
        return list;
    });
}

/// <summary>Counts what it was told of: an attempt that fails, or is made again, counts as well.</summary>
internal sealed class CountsAttempts : IAsyncBrookHandler<Counted>
{
    public ValueTask<Changes> HandleAsync(BrookEvent<Counted> e, HandlerContext context, CancellationToken cancellationToken)
        => new(Merge(Counts.Numbers, e.Data.Name, sum => sum + context.Attempt));
}

/// <summary>Reads past its context: what its batch has staged is not there, and nothing is checked.</summary>
internal sealed class ReadsPastItsContext(IBrookView view) : IAsyncBrookHandler<Counted>
{
    public async ValueTask<Changes> HandleAsync(BrookEvent<Counted> e, HandlerContext context, CancellationToken cancellationToken)
        => Create(Counts.Numbers, e.Data.Name, await view.GetAsync(Counts.Numbers, e.Data.Name, cancellationToken) + e.Data.Number);
}

/// <summary>How many there are is not checked at the commit.</summary>
internal sealed class NumbersThem : IAsyncBrookHandler<Counted>
{
    public async ValueTask<Changes> HandleAsync(BrookEvent<Counted> e, HandlerContext context, CancellationToken cancellationToken)
        => Create(Counts.Numbers, $"{await context.View.CountAsync(Counts.Numbers, cancellationToken)}", 1);
}
