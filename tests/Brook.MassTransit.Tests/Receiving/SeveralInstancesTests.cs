using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Receiving;

public sealed class SeveralInstancesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_instances_of_one_stream_send_events_of_their_own_from_one_cause_and_none_is_lost()
    {
        ViewCollection<string> seen = "seen";
        await using var harness = await Some.HarnessAsync(
            brook => brook.Stream("orders").On<OrderPlaced>("order:placed", e => Send("mail:due", e.Data.Id)).On<string>("mail:due", e => Create(seen, "mail", e.Data)).On<string>("invoice:due", e => Create(seen, "invoice", e.Data)),
            bus => bus.AddBrook("billing", brook => brook.Stream("orders").On<OrderPlaced>("order:placed", e => Send("invoice:due", e.Data.Id))));

        await harness.SendAsync("order:placed", new OrderPlaced("1", 1), "1", Token);
        await Waiting.UntilAsync(() => harness.Sent.Any(sent => sent.Type == "mail:due"));
        await using var scope = harness.Services.CreateAsyncScope();
        await harness.Services.GetRequiredKeyedService<BusBrook>("billing").WhenIdleAsync(Token).WithDeadline();
        await harness.WhenIdleAsync(Token);

        Assert.Equal(("1", "1"), (await harness.View.GetAsync(seen, "mail", Token), await harness.View.GetAsync(seen, "invoice", Token)));
    }

    [Fact]
    public async Task Seeds_of_several_threads_are_all_there()
    {
        ViewCollection<int> seeds = "seeds";
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());

        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => harness.WithEventAsync(Create(seeds, $"{i}", i), Token)))).WithDeadline();

        Assert.Equal(200, await harness.View.CountAsync(seeds, Token));
    }
}
