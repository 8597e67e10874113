// Events about orders become a view of orders, and of the revenue per month.
using System.Globalization;
using Brook;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shop;
using static Shop.OrderHandler;

using var host = Setup.BuildHost();
await host.StartAsync();
var (brook, view, parked) = (host.Services.GetRequiredService<IBrook>(), host.Services.GetRequiredService<IBrookView>(), host.Services.GetRequiredService<IParkedEvents>());

// Events of one key are applied in the order they were sent. SendAsync returns when the transport has the event, WaitForAsync when the view has it.
await brook.SendAsync("order:placed", new OrderPlaced("42", 12.50m), key: "42");
await brook.SendAsync("order:placed", new OrderPlaced("43", 50.00m), key: "43");
await brook.SendAsync("order:cancelled", new OrderCancelled("43"), key: "43");
var receipt = await brook.SendAsync("order:shipped", new OrderShipped("42"), key: "42");
Print($"shipped 42: {await view.WaitForAsync(receipt)}");

Print($"order 42: {await view.GetAsync(Orders, "42")}");
Print($"order 43 exists: {await view.ExistsAsync(Orders, "43")}");
await foreach (var (_, sum) in view.GetAllAsync(Revenue)) Print($"revenue this month: {sum}");
foreach (var e in await view.GetEventsAsync(Orders, "42")) Print($"event of order 42: {e.Type} by {e.Author}");

// Order 99 was never placed. The event is tried three times and kept with its error, and so is what comes behind it under its key. Other keys go on.
var shipped = await brook.SendAsync("order:shipped", new OrderShipped("99"), key: "99");
var cancelled = await brook.SendAsync("order:cancelled", new OrderCancelled("99"), key: "99");
var placed = await brook.SendAsync("order:placed", new OrderPlaced("44", 9.90m), key: "44");
Print($"shipped 99: {await view.WaitForAsync(shipped)}, cancelled 99: {await view.WaitForAsync(cancelled)}, placed 44: {await view.WaitForAsync(placed)}");
await foreach (var e in parked.ListAsync()) Print($"set aside: {e.Type} of {e.Key}, {e.Attempts} attempts: {e.Error}");

await host.StopAsync();

static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
