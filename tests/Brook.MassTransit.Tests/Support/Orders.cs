using static Brook.Change;

namespace Brook.MassTransit.Tests.Support;

public sealed record OrderPlaced(string Id, decimal Total);
public sealed record OrderShipped(string Id);
public sealed record OrderSubmitted(string OrderId, int Quantity);
public sealed record Order(string Id, decimal Total, string Status);

/// <summary>The handler of the README; shipping an order that was never placed fails.</summary>
public sealed class OrderHandler : IBrookHandler<OrderPlaced>, IBrookHandler<OrderShipped>
{
    public static readonly ViewCollection<Order> Orders = "orders";

    public Changes Handle(BrookEvent<OrderPlaced> e) => Create(Orders, e.Data.Id, new Order(e.Data.Id, e.Data.Total, "placed"));
    public Changes Handle(BrookEvent<OrderShipped> e) => Merge(Orders, e.Data.Id, order => order! with { Status = "shipped" });
}

public sealed record Step(int Caller, int Number);

/// <summary>Writes down in which order the events of each key came.</summary>
public sealed class SequenceHandler : IBrookHandler<Step>
{
    public static readonly ViewCollection<string> Breaks = "breaks";
    public static readonly ViewCollection<int> Last = "last";

    public Changes Handle(BrookEvent<Step> e) => Merge(Last, e.Key!, last =>
        e.Data.Number == last + 1 ? e.Data.Number : throw new InvalidOperationException($"{e.Key}: {e.Data.Number} came after {last}"));
}
