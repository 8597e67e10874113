using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;

namespace Brook.MassTransit.Tests.Sending;

public sealed class OrderTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Order_per_key_is_exact_over_100_000_events_from_64_concurrent_callers_with_8_partitions()
    {
        const int Callers = 64, Each = 1_563;
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<SequenceHandler>().Stream("steps", partitions: 8));

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            for (var number = 1; number <= Each; number++) await harness.Brook.SendAsync("step", new Step(caller, number), $"caller-{caller}", Token);
        }))).WithDeadline();
        await harness.WhenIdleAsync(Token);

        Assert.Equal(0, await harness.Parked.CountAsync(Token));
        for (var caller = 0; caller < Callers; caller++) Assert.Equal(Each, await harness.View.GetAsync(SequenceHandler.Last, $"caller-{caller}", Token));
    }

    [Fact]
    public async Task One_partition_keeps_the_total_order_of_the_calls()
    {
        const int Events = 20_000;
        var seen = new List<int>();
        await using var harness = await Some.HarnessAsync(brook => brook.On<Step>("step", e =>
        {
            seen.Add(e.Data.Number);
            return default;
        }));

        var sends = new List<Task>();
        for (var number = 0; number < Events; number++) sends.Add(harness.Brook.SendAsync("step", new Step(0, number), $"key-{number % 100}", Token).AsTask());   // not awaited one by one
        await Task.WhenAll(sends).WithDeadline();
        await harness.WhenIdleAsync(Token);

        Assert.Equal(Enumerable.Range(0, Events), seen);
    }

    [Fact]
    public async Task SendMany_keeps_order_per_key_over_partitions_and_its_receipt_covers_all()
    {
        const int Events = 10_000;
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<SequenceHandler>().Stream("steps", partitions: 4));

        var receipt = await harness.Brook.SendManyAsync(Enumerable.Range(0, Events).Select(i => new BrookEvent<Step>("step", new Step(0, (i / 10) + 1)) { Key = $"k{i % 10}" }), Token);

        Assert.Equal(WaitResult.Applied, await harness.View.WaitForAsync(receipt, cancellationToken: Token));
        for (var key = 0; key < 10; key++) Assert.Equal(Events / 10, await harness.View.GetAsync(SequenceHandler.Last, $"k{key}", Token));
        Assert.Equal(Events, receipt.Spans.Sum(span => span.Last - span.First + 1));
    }
}
