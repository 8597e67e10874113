// What the engine runs. CleanFold.cs says the same without the engine; keep the two apart.
using System.Globalization;
using static Brook.Change;

namespace Brook.Faults;

internal sealed record Total(long Count, long Sum);

internal sealed record Value(long Count, long Sum, long Hash);

/// <param name="Count">Events of the partition, or of a key whose events may be set aside.</param>
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

    /// <summary>Those with an entry of their key's are in order with it, the others with the partition.</summary>
    public static string Name(Data e) => e.Entry.LastIndexOf('.') > e.Entry.IndexOf('.', StringComparison.Ordinal) ? e.Entry : Name(e.P);

    public static Change[] Common(Data e) =>
    [
        Merge(Seen, string.Create(CultureInfo.InvariantCulture, $"{e.P}:{e.N}"), times => times + 1),
        Create(Left, Name(e), e.N),
        Merge(Chains, Name(e), chain => chain is null ? new(1, e.N, e.N, 0) : new(chain.Count + 1, unchecked((chain.Hash * 31) + e.N), e.N, chain.Breaks + (e.N <= chain.Last ? 1 : 0))),
        Create(Right, Name(e), e.N),
    ];

    public static Value Add(Value? value, Data e) => value is null ? new(1, e.A, e.A) : new(value.Count + 1, value.Sum + e.A, unchecked((value.Hash * 31) + e.A));

    public static Total Add(Total? total, Data e) => new((total?.Count ?? 0) + 1, (total?.Sum ?? 0) + e.A);

    /// <param name="health">Whether what fails for a while works by now.</param>
    public static BrookBuilder AddHandlers(BrookBuilder brook, Health health)
    {
        foreach (var (type, limit) in Event.LogLimits) brook.Options.LogLimits[type] = limit;
        return brook
            .On<Data>(Event.Tally, e => Write(e.Data, Merge(Values, e.Data.Entry, value => Add(value, e.Data))))
            .On<Data>(Event.Note, e => Write(e.Data, Merge(Values, e.Data.Entry, value => Add(value, e.Data))))
            .On<Data>(Event.Put, e => Write(e.Data, Create(Values, e.Data.Entry, Add((Value?)null, e.Data))))
            .On<Data>(Event.Wipe, e => Write(e.Data, Delete(Values, e.Data.Entry)))
            .On<Data>(Event.Fail, e => Write(e.Data, Merge(Values, e.Data.Entry, value => Works(e.Data, health) ? Add(value, e.Data) : throw new PoisonException())))
            .AddHandler<Looking>().Event<Looked>(Event.Look);
    }

    /// <summary>What was replaced works, and from a moment on most of the others do.</summary>
    private static bool Works(Data e, Health health) => e.A >= 1_000 || (health.IsHealed && e.A % 20 >= 8);

    private static Changes Write(Data e, params ReadOnlySpan<Change> values) => [.. Common(e), Merge(Totals, "all", total => Add(total, e)), .. values];
}

/// <summary>How the handlers of a process are. Thread safe.</summary>
internal sealed class Health
{
    private volatile bool _isHealed;
    private volatile int _hangs;

    /// <summary>What failed for a while works from now on.</summary>
    public bool IsHealed { get => _isHealed; set => _isHealed = value; }

    /// <summary>How many of the next calls of asynchronous handlers do not end by themselves.</summary>
    public int Hangs { get => _hangs; set => _hangs = value; }

    /// <summary>This call is one of those.</summary>
    public bool TakeHang()
    {
        for (var hangs = _hangs; hangs > 0; hangs = _hangs)
            if (Interlocked.CompareExchange(ref _hangs, hangs - 1, hangs) == hangs) return true;
        return false;
    }
}

/// <summary>An event that its handler cannot take.</summary>
internal sealed class PoisonException() : Exception("poison");

internal sealed record Looked(int P, long N, string Entry, long A);

/// <summary>Reads, then writes what it has read and one more: the commit must check that it has not changed.</summary>
internal sealed class Looking(Health health) : IAsyncBrookHandler<Looked>
{
    public async ValueTask<Changes> HandleAsync(BrookEvent<Looked> e, HandlerContext context, CancellationToken cancellationToken)
    {
        if (health.TakeHang()) await Task.Delay(Timeout.Infinite, cancellationToken);
        var data = new Data(e.Data.P, e.Data.N, e.Data.Entry, e.Data.A);
        var value = await context.View.GetAsync(View.Values, data.Entry, cancellationToken);
        var total = await context.View.GetAsync(View.Totals, "all", cancellationToken);
        return [.. View.Common(data), Create(View.Values, data.Entry, View.Add(value, data)), Create(View.Totals, "all", View.Add(total, data))];
    }
}
