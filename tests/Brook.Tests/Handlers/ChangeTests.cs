using System.Text.Json.Nodes;
using static Brook.Change;

namespace Brook.Tests.Handlers;

public sealed class ChangeTests
{
    private sealed record Order(string Id, decimal Total);

    private static readonly ViewCollection<Order> Orders = "orders";
    private static readonly ViewCollection<int> Sums = "sums";
    private static readonly Func<int, int> Increment = n => n + 1;

    [Fact]
    public void Changes_alike_in_kind_collection_key_and_value_are_equal()
    {
        (Change One, Change Other)[] pairs =
        [
            (Create(Orders, "42", new Order("42", 1)), Create("orders", "42", new Order("42", 1))),
            (Create<Order?>("orders", "42", null), Create<Order?>("orders", "42", null)),
            (Merge(Sums, "a", Increment), Merge(Sums, "a", Increment)),
            (Merge(Orders, "42", new JsonObject { ["total"] = 2 }), Merge(Orders, "42", new JsonObject { ["total"] = 2 })),
            (Delete(Orders, "42"), Delete(new ViewCollection<string>("orders"), "42")),
            (Discard, default),
        ];
        Assert.All(pairs, pair =>
        {
            Assert.True(pair.One == pair.Other && pair.One.Equals((object)pair.Other) && !(pair.One != pair.Other));
            Assert.Equal(pair.One.GetHashCode(), pair.Other.GetHashCode());
        });
    }

    [Fact]
    public void Changes_that_differ_in_anything_are_not_equal()
    {
        Change[] changes =
        [
            Discard, Create(Orders, "42", new Order("42", 1)), Create(Orders, "42", new Order("42", 2)), Create(Orders, "43", new Order("42", 1)), Create("others", "42", new Order("42", 1)), Create<Order?>("orders", "42", null),
            Merge(Sums, "a", Increment), Merge(Sums, "a", n => n + 2), Merge(Orders, "42", new JsonObject { ["total"] = 2 }), Merge(Orders, "42", new JsonObject { ["total"] = 3 }),
            Delete(Orders, "42"), Delete(Orders, "43"), Delete(Sums, "42"), Send("a", 1), Send("b", 1), Send("a", 1, "k"),
        ];
        for (var i = 0; i < changes.Length; i++)
            for (var j = 0; j < changes.Length; j++)
                Assert.Equal(i == j, changes[i] == changes[j]);
        Assert.False(Discard.Equals("Discard"));
    }

    [Fact]
    public void A_change_shows_what_it_does_to_what()
    {
        Assert.Equal("Discard", default(Change).ToString());
        Assert.Equal("Create(orders, 42)", Create(Orders, "42", new Order("42", 1)).ToString());
        Assert.Equal("Merge(sums, a)", Merge(Sums, "a", Increment).ToString());
        Assert.Equal("Merge(orders, 42)", Merge(Orders, "42", new JsonObject()).ToString());
        Assert.Equal("Delete(orders, 42)", Delete(Orders, "42").ToString());
        Assert.Equal("Send(order:confirmed(42))", Send("order:confirmed", 1, "42").ToString());
    }

    [Fact]
    public void A_change_says_which_entry_it_is_about()
    {
        Assert.Equal(("orders", "42"), (Delete(Orders, "42").Collection, Delete(Orders, "42").Key));
        Assert.Equal((null, null), (Discard.Collection, Discard.Key));
        Assert.Equal((null, "42"), (Send("a", 1, "42").Collection, Send("a", 1, "42").Key));
    }

    [Fact]
    public void Null_arguments_are_refused_where_the_change_is_made()
    {
        Action[] calls =
        [
            () => Create(null!, "42", 1), () => Create(Sums, null!, 1), () => Create(Sums, "", 1),
            () => Merge(null!, "42", Increment), () => Merge(Sums, null!, Increment), () => Merge(Sums, "42", (Func<int, int>)null!),
            () => Merge(null!, "42", new Order("", 0), order => order), () => Merge(Orders, "", new Order("", 0), order => order), () => Merge(Orders, "42", new Order("", 0), null!),
            () => Merge<int>(null!, "42", new JsonObject()), () => Merge(Sums, null!, new JsonObject()), () => Merge(Sums, "42", (JsonObject)null!),
            () => Delete<int>(null!, "42"), () => Delete(Sums, null!),
            () => Send(null!, 1), () => Send("", 1), () => Send("a", 1, ""), () => Create(null!, "42", 1),
        ];
        Assert.All(calls, call => Assert.ThrowsAny<ArgumentException>(call));
    }
}
