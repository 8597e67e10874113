using Brook.Testing;
using Shop;

namespace Examples.Tests;

/// <summary>What a user writes to put a handler through everything that can go wrong: see docs/testing.md.</summary>
public sealed class OrdersChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task The_orders_are_the_clean_fold_of_their_events_whatever_happens()
    {
        var report = await Chaos.For<OrderHandler>()
            .Events(random => new OrderPlaced(Id(random), random.Next(1, 100)), key: e => e.Id)
            .Events(random => new OrderShipped(Id(random)), key: e => e.Id)
            .Events(random => new OrderCancelled(Id(random)), key: e => e.Id)
            .RunAsync(trials: 100, seed: 1, TestContext.Current.CancellationToken);

        output.WriteLine(report.ToString());
    }

    private static string Id(Random random) => $"{random.Next(5)}";
}
