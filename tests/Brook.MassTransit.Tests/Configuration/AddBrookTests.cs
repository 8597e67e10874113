using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.MassTransit.Tests.Configuration;

public sealed class AddBrookTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Lanes_are_connected_with_and_without_ConfigureEndpoints(bool configureEndpoints)
    {
        using var host = Build(x =>
        {
            x.AddBrook(brook => brook.AddHandler<OrderHandler>().Stream("orders", partitions: 3));
            x.UsingInMemory((context, cfg) =>
            {
                if (configureEndpoints) cfg.ConfigureEndpoints(context);
            });
        });
        await BrookTestHarness.StartAsync(host, Token);

        var receipt = await host.Services.GetRequiredService<IBrook>().SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);

        Assert.Equal(WaitResult.Applied, await host.Services.GetRequiredService<IBrookView>().WaitForAsync(receipt, cancellationToken: Token));
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task Named_instances_on_one_bus_have_views_of_their_own_and_one_stream_feeds_several()
    {
        using var host = Build(x =>
        {
            x.AddBrook(brook => brook.AddHandler<OrderHandler>().Stream("orders", partitions: 2));
            x.AddBrook("audit", brook => brook.AddHandler<OrderHandler>().Stream("orders", partitions: 2));
            x.AddBrook("other", brook => brook.AddHandler<OrderHandler>());
            x.UsingInMemory((context, cfg) => cfg.ConfigureEndpoints(context));
        });
        await BrookTestHarness.StartAsync(host, Token);

        var receipt = await host.Services.GetRequiredService<IBrook>().SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);

        foreach (var (instance, there) in new[] { ("", true), ("audit", true), ("other", false) })
        {
            var view = host.Services.GetRequiredKeyedService<IBrookView>(instance);
            if (there) Assert.Equal(WaitResult.Applied, await view.WaitForAsync(receipt, cancellationToken: Token));
            Assert.Equal(there, await view.ExistsAsync(OrderHandler.Orders, "1", Token));
        }
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task With_several_buses_an_instance_lives_on_the_one_it_was_added_to()
    {
        using var host = Build(x =>
        {
            x.AddBrook(brook => brook.AddHandler<OrderHandler>());
            x.UsingInMemory();
        }, services => services.AddMassTransit<ISecondBus>(x =>
        {
            x.AddBrook("second", brook => brook.AddHandler<OrderHandler>().Stream("brook"));
            x.UsingInMemory((_, cfg) => cfg.Host(new Uri("loopback://second")));
        }));
        await BrookTestHarness.StartAsync(host, Token);

        var receipt = await host.Services.GetRequiredKeyedService<IBrook>("second").SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);

        Assert.Equal(WaitResult.Applied, await host.Services.GetRequiredKeyedService<IBrookView>("second").WaitForAsync(receipt, cancellationToken: Token));
        Assert.False(await host.Services.GetRequiredService<IBrookView>().ExistsAsync(OrderHandler.Orders, "1", Token));
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task Two_instances_of_a_stream_must_agree_on_its_partitions()
    {
        using var host = Build(x =>
        {
            x.AddBrook(brook => brook.AddHandler<OrderHandler>().Stream("orders", partitions: 2));
            x.AddBrook("audit", brook => brook.AddHandler<OrderHandler>().Stream("orders", partitions: 3));
            x.UsingInMemory();
        }, services => services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true));

        var error = await Assert.ThrowsAsync<BrookException>(() => BrookTestHarness.StartAsync(host, Token));

        Assert.Equal("Stream 'orders' has 2 partitions for instance 'brook' and 3 for instance 'audit'. A key would be in two partitions: give both the same number.", error.Message);
        var refused = await Assert.ThrowsAsync<BrookSendException>(() => host.Services.GetRequiredService<IBrook>().SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token).AsTask().WithDeadline());
        Assert.Contains("The bus did not start, so nothing can be sent: Stream 'orders' has 2 partitions", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bad name", 1, "The stream name 'bad name' cannot be part of a queue's name. Use 1 to 100 letters, digits, '-', '_' and '.'.")]
    [InlineData("orders", 0, "Stream 'orders' has 0 partitions; there must be 1 to 1024.")]
    public void A_bad_stream_is_said_when_the_instance_is_added(string name, int partitions, string message)
    {
        var error = Assert.Throws<BrookException>(() => Build(x => x.AddBrook(brook => brook.AddHandler<OrderHandler>().Stream(name, partitions))));
        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void A_second_default_instance_is_refused()
    {
        var error = Assert.Throws<BrookException>(() => Build(x =>
        {
            x.AddBrook(brook => brook.AddHandler<OrderHandler>());
            x.AddBrook(brook => brook.AddHandler<OrderHandler>());
        }));
        Assert.Equal("The default Brook instance was added twice. Give the second one a name: AddBrook(\"name\", ...).", error.Message);
    }

    [Fact]
    public void The_buss_verbs_need_a_bus()
    {
        var error = Assert.Throws<BrookException>(() => new ServiceCollection().AddBrookInProcess(brook => brook.AddHandler<OrderHandler>().Stream("orders")));
        Assert.Equal("Stream() needs a bus, and Brook instance 'brook' has none. Add the instance with x.AddBrook(...) in AddMassTransit.", error.Message);
    }

    [Fact]
    public void An_instance_that_only_sends_takes_no_messages()
    {
        var error = Assert.Throws<BrookException>(() => Build(x => x.AddBrook(brook => brook.SendOnly().Consume<OrderSubmitted>())));
        Assert.Equal("Brook instance 'brook' is SendOnly() but consumes messages or forwards events, which it would never do. Remove one or the other.", error.Message);
    }

    [Fact]
    public void Two_message_types_of_one_queue_are_refused_when_the_instance_is_added()
    {
        var error = Assert.Throws<BrookException>(() => Build(x => x.AddBrook(brook => brook.Consume<OrderSubmitted>("a").Consume<Other.OrderSubmitted>("b"))));
        Assert.StartsWith("Brook instance 'brook' consumes Brook.MassTransit.Tests.Support.OrderSubmitted and Brook.MassTransit.Tests.Configuration.AddBrookTests+Other+OrderSubmitted, which would share the queue 'brook.order-submitted'.", error.Message, StringComparison.Ordinal);
    }

    public static class Other
    {
        public sealed record OrderSubmitted(string Id);
    }

    private static IHost Build(Action<IBusRegistrationConfigurator> bus, Action<IServiceCollection>? services = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddMassTransit(bus);
        services?.Invoke(builder.Services);
        return builder.Build();
    }

    public interface ISecondBus : IBus;
}
