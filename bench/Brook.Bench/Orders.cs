using System.Collections.Concurrent;
using static Brook.Change;

namespace Brook.Bench;

/// <summary>The event of every scenario; its content is the same in every row.</summary>
public sealed record OrderUpdated(string Id, int Seq, string Status, decimal Amount);

/// <summary>The value that events make of it.</summary>
public sealed record OrderState(string Id, int Seq, string Status, decimal Amount, int Count);

/// <summary>The load: 10,000 orders in turn.</summary>
internal static class Load
{
    public const string Type = "order:updated";
    public const int Keys = 10_000, LogLimit = 10;
    private static readonly string[] s_ids = [.. Enumerable.Range(0, Keys).Select(i => $"order-{i}")];

    public static OrderUpdated Order(int i) => new(s_ids[i % Keys], i, "shipped", 12.5m);

    public static BrookEvent<OrderUpdated> Event(int i) => new(Type, Order(i)) { Key = s_ids[i % Keys] };
}

/// <summary>The fold as a Brook handler.</summary>
public sealed class OrderHandler : IBrookHandler<OrderUpdated>
{
    public static readonly ViewCollection<OrderState> Orders = "orders";

    public Changes Handle(BrookEvent<OrderUpdated> e) => Merge(Orders, e.Data.Id, state => Fold(state, e.Data));

    public static OrderState Fold(OrderState? state, OrderUpdated e) => state is null
        ? new OrderState(e.Id, e.Seq, e.Status, e.Amount, 1)
        : state with { Seq = e.Seq, Status = e.Status, Amount = e.Amount, Count = state.Count + 1 };
}

/// <summary>The same fold and log as somebody writes it by hand: objects in dictionaries that other threads may read. Nothing survives the process, no duplicates are noticed.</summary>
internal sealed class HandwrittenView
{
    private readonly ConcurrentDictionary<string, OrderState> _orders = new();
    private readonly ConcurrentDictionary<string, Queue<OrderUpdated>> _log = new();

    public long Applied => _orders.Values.Sum(order => (long)order.Count);

    public void Apply(OrderUpdated e)
    {
        _orders.AddOrUpdate(e.Id, static (_, e) => OrderHandler.Fold(null, e), static (_, state, e) => OrderHandler.Fold(state, e), e);
        var log = _log.GetOrAdd(e.Id, static _ => new());
        lock (log)
        {
            log.Enqueue(e);
            if (log.Count > Load.LogLimit) log.Dequeue();
        }
    }
}

internal static class BrookViewExtensions
{
    /// <summary>How many events the view has seen.</summary>
    public static async Task<long> AppliedAsync(this IBrookView view)
    {
        var applied = 0L;
        await foreach (var (_, order) in view.GetAllAsync(OrderHandler.Orders)) applied += order!.Count;
        return applied;
    }
}
