// Published with native AOT by Brook.AotTests: the whole path without reflection, events of classes and structs, a typed and an asynchronous handler.
using System.Text.Json;
using System.Text.Json.Serialization;
using Brook;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Brook.Change;

namespace AotProgram;

public sealed record OrderPlaced(string Id, decimal Total);
public readonly record struct OrderCounted(string Id, int By);
public sealed record Order(string Id, decimal Total);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(OrderPlaced))]
[JsonSerializable(typeof(OrderCounted))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(int))]
internal sealed partial class Json : JsonSerializerContext;

public sealed class OrderHandler : IBrookHandler<OrderPlaced>, IAsyncBrookHandler<OrderCounted>
{
    public static readonly ViewCollection<Order> Orders = "orders";
    public static readonly ViewCollection<int> Counts = "counts";

    public Changes Handle(BrookEvent<OrderPlaced> e) => Create(Orders, e.Data.Id, new Order(e.Data.Id, e.Data.Total));

    public async ValueTask<Changes> HandleAsync(BrookEvent<OrderCounted> e, HandlerContext context, CancellationToken cancellationToken)
        => Create(Counts, e.Data.Id, await context.View.GetAsync(Counts, e.Data.Id, cancellationToken) + e.Data.By);
}

internal static class Program
{
    public static async Task<int> Main()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddBrookInProcess(brook => brook.UseJson(Json.Default.Options).Event<OrderPlaced>().Event<OrderCounted>().AddHandler<OrderHandler>());
        using var host = builder.Build();
        await host.StartAsync();
        var (brook, view) = (host.Services.GetRequiredService<IBrook>(), host.Services.GetRequiredService<IBrookView>());
        await brook.SendAsync("order:placed", new OrderPlaced("1", 2.5m), key: "1");
        await brook.SendAsync("order:counted", new OrderCounted("1", 2), key: "1");
        var applied = await view.WaitForAsync(await brook.SendAsync("order:counted", new OrderCounted("1", 3), key: "1"));
        Console.WriteLine($"{applied} {await view.GetAsync(OrderHandler.Orders, "1")} {await view.GetAsync(OrderHandler.Counts, "1")} dynamic code: {System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported}");
        await host.StopAsync();
        return 0;
    }
}
