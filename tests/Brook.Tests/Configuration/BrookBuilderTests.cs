using System.Text.Json;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.Tests.Configuration;

public sealed class BrookBuilderTests
{
    private static readonly ViewCollection<OrderData> Orders = "orders";
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void The_same_instance_twice_is_an_error_that_says_what_to_do()
    {
        var services = new ServiceCollection();
        BrookBuilder.Register(services, "", _ => { });
        BrookBuilder.Register(services, "orders", _ => { });

        Assert.Equal("The default Brook instance was added twice. Give the second one a name: AddBrook(\"name\", ...).", ErrorOf("", _ => { }, services));
        Assert.Equal("The Brook instance 'orders' was added twice. Give the second one another name.", ErrorOf("orders", _ => { }, services));
    }

    [Fact]
    public void One_event_type_is_one_dotnet_type()
    {
        const string Message = "The event type 'order:placed' is mapped to OrderPlaced and to OrderData. One event type is one .NET type: give one of them another name.";

        Assert.Equal(Message, ErrorOf("", brook => brook.Event<OrderPlaced>().Event<OrderData>("order:placed")));
        Assert.Equal(Message, ErrorOf("", brook => brook.AddHandler<PlacedHandler>().On<OrderData>("order:placed", _ => default)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void An_event_type_has_a_name(string type)
    {
        Assert.Equal("The event type of OrderPlaced is empty, so no event could ever be one. Give it a name: \"order:placed\", for instance.", ErrorOf("", brook => brook.Event<OrderPlaced>(type)));
        Assert.NotNull(ErrorOf("", brook => brook.On<OrderPlaced>(type, _ => default)));
    }

    [Fact]
    public void SendOnly_goes_with_no_handler_and_no_store()
    {
        const string Message = "Brook instance 'orders' is SendOnly() but has a handler or a store, which would never be used. Remove one or the other.";

        Assert.Equal(Message, ErrorOf("orders", brook => brook.SendOnly().AddHandler<PlacedHandler>()));
        Assert.Equal(Message, ErrorOf("orders", brook => brook.SendOnly().On<int>("a", _ => default)));
        Assert.Equal(Message, ErrorOf("orders", brook => brook.SendOnly().UseInMemory()));
        Assert.Equal("SendOnly() makes no sense in process: nobody else could receive the events. Remove it, or use a bus.", Assert.Throws<BrookException>(() => new ServiceCollection().AddBrookInProcess(brook => brook.SendOnly())).Message);
    }

    [Fact]
    public void SendOnly_registers_no_view()
    {
        var services = new ServiceCollection();

        Assert.True(BrookBuilder.Register(services, "", brook => brook.SendOnly()).IsSendOnly);
        Assert.Contains(services, service => service.ServiceType == typeof(IBrook));
        Assert.DoesNotContain(services, service => service.ServiceType == typeof(IBrookView) || service.ServiceType == typeof(BrookEngine) || service.ServiceType == typeof(IParkedEvents));
    }

    [Fact]
    public void A_class_that_handles_nothing_is_no_handler()
        => Assert.Equal("NoHandler implements none of IBrookHandler<T>, IAsyncBrookHandler<T> and IBrookHandler, so it can handle nothing. Add one of them to the class.", ErrorOf("", brook => brook.AddHandler<NoHandler>()));

    [Fact]
    public void A_handled_type_without_a_name_is_refused()
        => Assert.StartsWith("System.Int32 has no name an event type could be made of.", ErrorOf("", brook => brook.AddHandler<NumberHandler>()), StringComparison.Ordinal);

    [Fact]
    public void Null_arguments_are_refused()
    {
        var services = new ServiceCollection();

        Assert.Throws<ArgumentNullException>(() => BrookBuilder.Register(null!, "", _ => { }));
        Assert.Throws<ArgumentNullException>(() => BrookBuilder.Register(services, null!, _ => { }));
        Assert.Throws<ArgumentNullException>(() => BrookBuilder.Register(services, "", null!));
        BrookBuilder.Register(services, "", brook =>
        {
            Assert.Throws<ArgumentNullException>(() => brook.On<int>("a", null!));
            Assert.Throws<ArgumentNullException>(() => brook.UseStore(null!));
            Assert.Throws<ArgumentNullException>(() => brook.UseJson(null!));
            Assert.Throws<ArgumentNullException>(() => brook.UseSerializer(null!));
        });
    }

    [Fact]
    public async Task A_handled_type_has_its_name_by_convention_until_another_is_given()
    {
        await using var byConvention = await TestLane.OpenAsync(brook => brook.AddHandler<PlacedHandler>());
        await using var before = await TestLane.OpenAsync(brook => brook.Event<OrderPlaced>("placed").AddHandler<PlacedHandler>());
        await using var after = await TestLane.OpenAsync(brook => brook.AddHandler<PlacedHandler>().Event<OrderPlaced>("placed"));

        Assert.Equal(("order:placed", "placed", "placed"), (byConvention.Engine.TypeOf<OrderPlaced>(), before.Engine.TypeOf<OrderPlaced>(), after.Engine.TypeOf<OrderPlaced>()));
        Assert.Equal(1, (await after.ProcessAsync(TestLane.Event("placed", new OrderPlaced("42")), TestLane.Event("order:placed", new OrderPlaced("43")))).Applied);
        Assert.Equal(1, (await byConvention.ProcessAsync(TestLane.Event("order:placed", new OrderPlaced("42")))).Applied);
    }

    [Fact]
    public async Task One_dotnet_type_may_be_several_event_types()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.Event<OrderPlaced>("placed").Event<OrderPlaced>("placed:again").AddHandler<PlacedHandler>());

        Assert.Equal(2, (await lane.ProcessAsync(TestLane.Event("placed", new OrderPlaced("1")), TestLane.Event("placed:again", new OrderPlaced("2")))).Applied);
    }

    [Fact]
    public async Task The_mapping_gives_a_key_to_events_that_carry_none()
    {
        ViewCollection<int> keys = "keys";
        await using var lane = await TestLane.OpenAsync(brook => brook.Event<OrderPlaced>(key: e => e.Id).On<OrderPlaced>("order:placed", e => Merge(keys, e.Key!, n => n + 1)));

        await lane.ProcessAsync(TestLane.Event("order:placed", new OrderPlaced("42")), TestLane.Event("order:placed", new OrderPlaced("42"), key: "own"));

        Assert.Equal((1, 1), (await lane.View.GetAsync(keys, "42", Cancellation), await lane.View.GetAsync(keys, "own", Cancellation)));
    }

    [Fact]
    public async Task Values_and_events_follow_the_json_options_given_and_leave_them_open()
    {
        var options = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };
        await using var lane = await TestLane.OpenAsync(brook => brook.UseJson(options).AddHandler<PlacedHandler>());

        await lane.ProcessAsync("""{"type":"order:placed","data":{"id":"42"}}""");

        Assert.Equal("""{"id":"42","line_count":1}""", await lane.StoredAsync("orders", "42"));
        Assert.Equal(new OrderData("42", 1), await lane.View.GetAsync(Orders, "42", Cancellation));
        Assert.False(options.IsReadOnly);
    }

    [Fact]
    public async Task Without_options_json_is_as_on_the_web()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.AddHandler<PlacedHandler>());

        await lane.ProcessAsync("""{"type":"order:placed","data":{"ID":"42"}}""");

        Assert.Equal("""{"id":"42","lineCount":1}""", await lane.StoredAsync("orders", "42"));
    }

    [Fact]
    public async Task Instances_have_services_of_their_own_the_default_ones_plain_as_well()
    {
        var services = new ServiceCollection();
        BrookBuilder.Register(services, "", _ => { });
        BrookBuilder.Register(services, "orders", _ => { });
        await using var provider = services.BuildServiceProvider();

        Assert.Same(provider.GetRequiredKeyedService<IBrookView>(""), provider.GetRequiredService<IBrookView>());
        Assert.Same(provider.GetRequiredKeyedService<IParkedEvents>(""), provider.GetRequiredService<IParkedEvents>());
        Assert.NotSame(provider.GetRequiredKeyedService<IBrookView>("orders"), provider.GetRequiredService<IBrookView>());
        Assert.Equal(("", "orders"), (provider.GetRequiredKeyedService<BrookEngine>("").Name, provider.GetRequiredKeyedService<BrookEngine>("orders").Name));
    }

    [Fact]
    public async Task A_type_nobody_maps_has_no_event_type()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.AddHandler<PlacedHandler>());

        Assert.Equal("OrderData is mapped to no event type of Brook instance 'brook'. Add brook.Event<OrderData>(), or a handler of it.", Assert.Throws<BrookException>(() => lane.Engine.TypeOf<OrderData>()).Message);
    }

    private static string ErrorOf(string name, Action<BrookBuilder> configure, IServiceCollection? services = null)
        => Assert.Throws<BrookException>(() => BrookBuilder.Register(services ?? new ServiceCollection(), name, configure)).Message;

    private sealed record OrderPlaced(string Id);
    private sealed record OrderData(string Id, int LineCount);

    private sealed class PlacedHandler : IBrookHandler<OrderPlaced>
    {
        public Changes Handle(BrookEvent<OrderPlaced> e) => Create(Orders, e.Data.Id, new OrderData(e.Data.Id, 1));
    }

    private sealed class NumberHandler : IBrookHandler<int>
    {
        public Changes Handle(BrookEvent<int> e) => default;
    }

    private sealed class NoHandler;
}
