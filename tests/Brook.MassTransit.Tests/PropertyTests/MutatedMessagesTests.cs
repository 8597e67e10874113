using System.Text;
using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Support;
using Brook.Tests.PropertyTests;
using MassTransit;
using static Brook.Change;
using static Brook.MassTransit.Tests.Support.StreamMessages;

namespace Brook.MassTransit.Tests.PropertyTests;

/// <summary>Valid messages with some of their bytes and headers changed, among whole ones: each ends in the view, set aside or in the error queue, with a reason, and the whole ones are applied.</summary>
public sealed class MutatedMessagesTests
{
    private const int Trials = 200;
    private static readonly ViewCollection<int> Counts = "counts";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_mutated_message_of_a_stream_has_an_end_and_the_lane_goes_on()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var mutations = new Mutations(random);
        await using var harness = await Some.HarnessAsync(brook => brook.On<int>("number", e => Create(Counts, "mutated", e.Data)).On<int>("whole", e => Merge(Counts, "whole", n => n + e.Data)));
        var errors = await harness.ErrorsAsync();
        byte[] valid = Encoding.UTF8.GetBytes(string.Join('\n', Line("number", "1", "a"), Line("number", "2", "b"), """{ "type" : "number", "data" : 3, "key" : "c" }""")), other = Encoding.UTF8.GetBytes(Line("number", "4", "d"));
        var moved = 0;

        for (var trial = 0; trial < Trials; trial++)
        {
            var breaksVersion = random.Next(8) == 0;
            await harness.PutAsync(mutations.Of(valid, other), headers: headers =>
            {
                if (breaksVersion) headers.Set("Brook-Version", Encoding.Latin1.GetString(mutations.Of("1"u8.ToArray(), other)) + "x");
                if (random.Next(8) == 0) headers.Set("Brook-Sent-At", Encoding.Latin1.GetString(mutations.Of("1591619696123"u8.ToArray(), other)));
                if (random.Next(8) == 0) headers.Set("Brook-Stream", Encoding.Latin1.GetString(mutations.Of("brook"u8.ToArray(), other)));
            });
            await harness.PutAsync(Line("whole", "1", "w"));
            if (breaksVersion) moved++;
        }
        await harness.WhenIdleAsync(Token).WaitAsync(s_deadline, Token);

        Assert.True(Trials == await harness.View.GetAsync(Counts, "whole", Token), $"seed {seed}");
        for (var i = 0; i < moved; i++) Assert.StartsWith("Its Brook-Version is '", (await errors.ReadAsync(Token).AsTask().WithDeadline()).Reason, StringComparison.Ordinal);
        Assert.False(errors.TryRead(out _), $"seed {seed}");
        Assert.True(await harness.Parked.CountAsync(Token) > Trials / 4, $"seed {seed}: they were not mutated");
        await foreach (var parked in harness.Parked.ListAsync(cancellationToken: Token)) Assert.True(parked.Error.Length is > 20 and < 4100, $"seed {seed}: {parked.Error}");
    }

    [Theory]
    [InlineData("application/vnd.masstransit+json")]
    [InlineData("application/json")]
    public async Task Every_mutated_ordinary_message_has_an_end_and_its_endpoint_goes_on(string contentType)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var mutations = new Mutations(random);
        var wholes = 0;
        await using var harness = await Some.HarnessAsync(brook => brook.Consume<OrderSubmitted>().On<OrderSubmitted>("order:submitted", e =>
        {
            if (e.Data.OrderId == "whole") Interlocked.Increment(ref wholes);
            return Merge(Counts, e.Data.OrderId == "whole" ? "whole" : "mutated", n => n + 1);
        }));
        var errors = await harness.ErrorsAsync();
        byte[] valid = Encoding.UTF8.GetBytes(contentType == "application/json" ? """{"orderId":"a","quantity":3}""" : """
            {"messageId":"13350000-1e22-8a3c-b3af-08df4a9df0c5","conversationId":"43350000-1e22-8a3c-b3af-08df4a9df0c5","sourceAddress":"loopback://localhost/source","messageType":["urn:message:Brook.MassTransit.Tests.Support:OrderSubmitted"],"message":{"orderId":"a","quantity":3},"sentTime":"2026-01-02T03:04:05Z","headers":{"a":"b","n":1},"host":{"machineName":"m","processName":"p","processId":7}}
            """), whole = Encoding.UTF8.GetBytes("""{"orderId":"whole","quantity":1}""");

        for (var trial = 0; trial < Trials; trial++)
        {
            await harness.PutOrdinaryAsync(mutations.Of(valid, whole), "brook.order-submitted", contentType, more: context => context.MessageId = NewId.NextGuid());
            await harness.PutOrdinaryAsync(whole, "brook.order-submitted", "application/json", more: context => context.MessageId = NewId.NextGuid());
        }
        await Waiting.UntilAsync(() => Volatile.Read(ref wholes) >= Trials).WaitAsync(s_deadline, Token);
        await harness.WhenIdleAsync(Token).WaitAsync(s_deadline, Token);

        var moved = 0;
        for (; errors.TryRead(out var error); moved++) Assert.True(error.Reason.Length is > 20 and < 4300 && !error.Reason.Any(char.IsControl), $"seed {seed}: {error.Reason}");
        Assert.True(moved > Trials / 10, $"seed {seed}: {moved} moved");
        Assert.True(await harness.View.GetAsync(Counts, "whole", Token) >= Trials, $"seed {seed}");         // a mutated one may be whole as well
    }
}
