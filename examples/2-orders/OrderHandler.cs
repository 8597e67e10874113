using Brook;
using static Brook.Change;

namespace Shop;

public sealed record OrderPlaced(string Id, decimal Total);
public sealed record OrderShipped(string Id);
public sealed record OrderCancelled(string Id);

public sealed record Order(string Id, decimal Total, string Status);

public sealed class OrderHandler : IBrookHandler<OrderPlaced>, IBrookHandler<OrderShipped>, IBrookHandler<OrderCancelled>
{
    public static readonly ViewCollection<Order> Orders = "orders";
    public static readonly ViewCollection<decimal> Revenue = "revenue";

    public Changes Handle(BrookEvent<OrderPlaced> e) =>
    [
        Create(Orders, e.Data.Id, new Order(e.Data.Id, e.Data.Total, "placed")),
        Merge(Revenue, $"{e.CreatedAt:yyyy-MM}", sum => sum + e.Data.Total),
    ];

    // An order that was never placed has nothing to merge into: the event fails and is set aside, the others go on.
    public Changes Handle(BrookEvent<OrderShipped> e) => Merge(Orders, e.Data.Id, order => order! with { Status = "shipped" });

    public Changes Handle(BrookEvent<OrderCancelled> e) => Delete(Orders, e.Data.Id);
}
