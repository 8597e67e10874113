using System.Globalization;
using System.Text;
using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.PropertyTests;

/// <summary>Valid events with some of their bytes changed, among others that are whole. Each ends as applied, discarded, duplicate or set aside with a reason; the whole ones are all applied.</summary>
public sealed class MutatedEventsTests
{
    private const int Trials = 300, Mutated = 6;
    private static readonly ViewCollection<int> Sums = "sums";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>BROOK_FUZZ_TRIALS for more.</summary>
    private static int TrialCount => int.TryParse(Environment.GetEnvironmentVariable("BROOK_FUZZ_TRIALS"), NumberStyles.None, CultureInfo.InvariantCulture, out var trials) ? trials * Trials : Trials;

    [Theory]
    [InlineData(LaneGuard.MessageIds)]
    [InlineData(LaneGuard.Offsets)]
    public async Task Every_mutated_event_has_an_end_and_the_others_are_applied(LaneGuard guard)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var mutations = new Mutations(random);
        var store = Stores.New();
        await using var lane = await TestLane.OpenAsync(brook => brook.UseStore(_ => store)
            .On<int>("add", e => Create(Sums, "mutated", e.Data)).On<Dictionary<string, string?>>("map", e => Create(Sums, "mutated", e.Data?.Count ?? -1)).On<int>("whole", e => Merge(Sums, "whole", sum => sum + e.Data)), guard);
        var valid = Valid().ToArray();
        var (wholes, offset) = (0, 0L);

        for (var trial = 0; trial < TrialCount; trial++)
        {
            var message = Guid.CreateVersion7();
            var events = new EventEnvelope[Mutated + 2];
            for (var i = 0; i < events.Length; i++)
            {
                var record = i is 0 or Mutated + 1 ? Encoding.UTF8.GetBytes(TestLane.Event("whole", 1)) : mutations.Of(valid[random.Next(valid.Length)], valid[random.Next(valid.Length)]);
                events[i] = EventEnvelope.Read(record, guard == LaneGuard.Offsets ? new EventPosition(lane.Lane.Name, offset++) : new EventPosition(lane.Lane.Name, i, message), default);
            }

            var result = await lane.Lane.ProcessAsync(events, Token).AsTask().WaitAsync(s_deadline, Token);

            wholes += 2;
            Assert.True((BatchOutcome.Committed, events.Length) == (result.Outcome, result.Applied + result.Discarded + result.Duplicates + result.SetAside), $"seed {seed}, trial {trial}: {result}");
        }
        Assert.True(wholes == await lane.View.GetAsync(Sums, "whole", Token), $"seed {seed}");
        var parked = await lane.Parked.ListAsync(cancellationToken: Token).ToListAsync(Token);
        Assert.True(parked.Count > TrialCount, $"seed {seed}: only {parked.Count} were set aside");      // they were mutated indeed
        Assert.All(parked, row => Assert.True(row.Error.Length is > 20 and < 4100 && !row.Error.Any(char.IsControl), $"seed {seed}: {row.Error}"));
    }

    /// <summary>As our own sender writes, and as others may.</summary>
    private static IEnumerable<byte[]> Valid() => new[]
    {
        TestLane.Event("add", 12345), TestLane.Event("add", 1, "k", Guid.CreateVersion7()), TestLane.Event("map", new Dictionary<string, string?> { ["a"] = "ä\"\n", ["b"] = null }, "ключ"),
        TestLane.Event("add", 7, "k").Replace("\"data\"", "\"headers\":{\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\",\"a\":\"b\"},\"data\"", StringComparison.Ordinal),
        """{ "type" : "map", "data" : { "a" : "1" }, "key" : "k", "headers" : { "x" : "y" }, "more" : [ 1, { "b" : null } ] }""",
        """{"data":5,"create_ts":1591619696123,"author":null,"type":"add","id":"0196f000-0000-7000-8000-000000000001"}""",
    }.Select(Encoding.UTF8.GetBytes);
}
