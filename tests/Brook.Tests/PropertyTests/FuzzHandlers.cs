using static Brook.Change;

namespace Brook.Tests.PropertyTests;

internal static class FuzzView
{
    public static readonly ViewCollection<long> Sums = "sums", Total = "total", Order = "order";
    public static readonly ViewCollection<List<int>> Lists = "lists", Last = "last";

    public static long Mix(long sum, int n) => unchecked((sum * 31) + n);

    public static List<int> Add(List<int> list, int number)
    {
        list.Add(number);                   // in place: users do
        return list;
    }

    /// <summary>What every event writes beside its own entry.</summary>
    public static Change[] Common(OpData op) =>
    [
        Merge(Order, op.Entry, sum => Mix(sum, op.N)),
        Merge(Lists, op.Entry, [], list => Add(list, op.Number)),
        Merge(Lists, "all", [], list => Add(list, op.Number)),
    ];
}

internal sealed class FuzzOps : IBrookHandler<FuzzOp>
{
    private readonly HashSet<int> _failedOnce = [];

    public Changes Handle(BrookEvent<FuzzOp> e)
    {
        var op = e.Data;
        if (op.Kind == Kind.Throw) throw new InvalidOperationException("thrown");
        if (op.Kind == Kind.Flaky && _failedOnce.Add(op.Number)) throw new InvalidOperationException("thrown once");
        var total = Merge(FuzzView.Total, "all", sum => op.Kind == Kind.Poison ? throw new InvalidOperationException("poison") : sum + op.N);
        return op.Kind switch
        {
            Kind.Create => [Create(FuzzView.Sums, op.Entry, op.N), Create(FuzzView.Lists, op.Entry, []), .. FuzzView.Common(op), total],
            Kind.Delete => [Delete(FuzzView.Sums, op.Entry), total],
            Kind.DeleteThenCreate => [Delete(FuzzView.Sums, op.Entry), Create(FuzzView.Sums, op.Entry, op.N), .. FuzzView.Common(op), total],
            Kind.PoisonCreate => [Create(FuzzView.Sums, op.Entry, 1_000_000), total, .. FuzzView.Common(op), Create(FuzzView.Last, op.Entry, [1]), Merge(FuzzView.Last, op.Entry, list => throw new InvalidOperationException("poison"))],
            _ => [Merge(FuzzView.Sums, op.Entry, sum => sum + op.N), .. FuzzView.Common(op), total],
        };
    }
}

internal sealed class FuzzReads : IAsyncBrookHandler<FuzzRead>
{
    public async ValueTask<Changes> HandleAsync(BrookEvent<FuzzRead> e, HandlerContext context, CancellationToken cancellationToken)
    {
        var sum = await context.View.GetAsync(FuzzView.Sums, e.Data.Entry, cancellationToken);
        await Task.Yield();
        var total = await context.View.GetAsync(FuzzView.Total, "all", cancellationToken);
        return [Create(FuzzView.Sums, e.Data.Entry, sum + e.Data.N), Create(FuzzView.Total, "all", total + e.Data.N), .. FuzzView.Common(e.Data)];
    }
}
