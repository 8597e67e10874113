namespace Brook.Tests.Decoding;

public sealed class EventTypeNamesTests
{
    private sealed class OrderPlaced;
    private sealed class OrderLineAdded;
    private sealed class SKUChanged;
    private sealed class OrderSKU;
    private sealed class Ping;
    private sealed class HTTP;
    private sealed class Order_Placed;
    private sealed class OrderV2Placed;
    private sealed class orderPlaced;
    private sealed class ÄpfelGepflückt;
    private sealed class _;
    private sealed class Event<T>
    {
        public sealed class Nested;
    }
    [EventType("orders/placed")]
    private class Named;
    private sealed class NamedChild : Named;
    private interface OrderSeen;

    [Theory]
    [InlineData(typeof(OrderPlaced), "order:placed")]
    [InlineData(typeof(OrderLineAdded), "order:line_added")]
    [InlineData(typeof(SKUChanged), "sku:changed")]
    [InlineData(typeof(OrderSKU), "order:sku")]
    [InlineData(typeof(Ping), "ping")]
    [InlineData(typeof(HTTP), "http")]
    [InlineData(typeof(Order_Placed), "order:placed")]
    [InlineData(typeof(OrderV2Placed), "order:v2_placed")]
    [InlineData(typeof(orderPlaced), "order:placed")]
    [InlineData(typeof(ÄpfelGepflückt), "äpfel:gepflückt")]
    [InlineData(typeof(OrderSeen), "order:seen")]
    public void A_name_in_words_is_subject_and_what_happened(Type type, string name) => Assert.Equal(name, EventTypeNames.Of(type));

    [Fact]
    public void An_attribute_names_the_type_but_not_those_derived_from_it()
    {
        Assert.Equal("orders/placed", EventTypeNames.Of(typeof(Named)));
        Assert.Equal("named:child", EventTypeNames.Of(typeof(NamedChild)));
    }

    [Theory]
    [InlineData(typeof(int))]
    [InlineData(typeof(string))]
    [InlineData(typeof(OrderPlaced[]))]
    [InlineData(typeof(List<int>))]
    [InlineData(typeof(Event<int>))]
    [InlineData(typeof(Event<int>.Nested))]
    [InlineData(typeof(_))]
    public void A_type_without_a_name_of_its_own_is_refused(Type type)
    {
        var error = Assert.Throws<BrookException>(() => EventTypeNames.Of(type));

        Assert.Equal($"{type} has no name an event type could be made of. Give it one: brook.Event<...>(\"order:placed\").", error.Message);
    }
}
