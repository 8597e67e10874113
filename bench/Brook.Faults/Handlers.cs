// What the engine runs. CleanFold.cs says the same without the engine; keep the two apart.
using System.Globalization;
using static Brook.Change;

namespace Brook.Faults;

internal sealed record Total(long Count, long Sum);

internal sealed record Value(long Count, long Sum, long Hash);

/// <param name="Count">Events of the partition.</param>
/// <param name="Hash">Depends on their order.</param>
/// <param name="Last">The last one's number.</param>
/// <param name="Breaks">How often one came that should have come earlier.</param>
internal sealed record Chain(long Count, long Hash, long Last, long Breaks);

/// <summary>The collections, and what every event does to them.</summary>
internal static class View
{
    /// <summary>partition:number -> how often the event was applied.</summary>
    public static readonly ViewCollection<int> Seen = "seen";

    /// <summary>One entry that all partitions fight for.</summary>
    public static readonly ViewCollection<Total> Totals = "totals";
    public static readonly ViewCollection<Chain> Chains = "chains";
    public static readonly ViewCollection<Value> Values = "values";

    /// <summary>The same number in both, always.</summary>
    public static readonly ViewCollection<long> Left = "left", Right = "right";

    public static string Name(int partition) => partition.ToString(CultureInfo.InvariantCulture);

    public static Change[] Common(Data e) =>
    [
        Merge(Seen, string.Create(CultureInfo.InvariantCulture, $"{e.P}:{e.N}"), times => times + 1),
        Create(Left, Name(e.P), e.N),
        Merge(Chains, Name(e.P), chain => chain is null ? new(1, e.N, e.N, 0) : new(chain.Count + 1, unchecked((chain.Hash * 31) + e.N), e.N, chain.Breaks + (e.N <= chain.Last ? 1 : 0))),
        Create(Right, Name(e.P), e.N),
    ];

    public static Value Add(Value? value, Data e) => value is null ? new(1, e.A, e.A) : new(value.Count + 1, value.Sum + e.A, unchecked((value.Hash * 31) + e.A));

    public static Total Add(Total? total, Data e) => new((total?.Count ?? 0) + 1, (total?.Sum ?? 0) + e.A);

    public static BrookBuilder AddHandlers(BrookBuilder brook)
    {
        foreach (var (type, limit) in Event.LogLimits) brook.Options.LogLimits[type] = limit;
        return brook
            .On<Data>(Event.Tally, e => Write(e.Data, Merge(Values, e.Data.Entry, value => Add(value, e.Data))))
            .On<Data>(Event.Note, e => Write(e.Data, Merge(Values, e.Data.Entry, value => Add(value, e.Data))))
            .On<Data>(Event.Put, e => Write(e.Data, Create(Values, e.Data.Entry, Add((Value?)null, e.Data))))
            .On<Data>(Event.Wipe, e => Write(e.Data, Delete(Values, e.Data.Entry)))
            .On<Data>(Event.Fail, e => Write(e.Data, Create(Values, e.Data.Entry, new(-1, -1, -1)), Merge(Values, e.Data.Entry, Value (_) => throw new InvalidOperationException("poison"))))
            .AddHandler<Looking>().Event<Looked>(Event.Look);
    }

    private static Changes Write(Data e, params ReadOnlySpan<Change> values) => [.. Common(e), Merge(Totals, "all", total => Add(total, e)), .. values];
}

internal sealed record Looked(int P, long N, string Entry, long A);

/// <summary>Reads, then writes what it has read and one more: the commit must check that it has not changed.</summary>
internal sealed class Looking : IAsyncBrookHandler<Looked>
{
    public async ValueTask<Changes> HandleAsync(BrookEvent<Looked> e, HandlerContext context, CancellationToken cancellationToken)
    {
        var data = new Data(e.Data.P, e.Data.N, e.Data.Entry, e.Data.A);
        var value = await context.View.GetAsync(View.Values, data.Entry, cancellationToken);
        var total = await context.View.GetAsync(View.Totals, "all", cancellationToken);
        return [.. View.Common(data), Create(View.Values, data.Entry, View.Add(value, data)), Create(View.Totals, "all", View.Add(total, data))];
    }
}
