using System.Globalization;
using Brook.Storage;
using Brook.Testing;
using Brook.Tests.Support;

namespace Brook.Tests.PropertyTests;

/// <summary>
/// The whole engine under the kit that users get, over the store of this test project: faults at any call of the store, one after the other, so that a failure is shown as its shortest sequence.
/// What really runs side by side is <see cref="FuzzTests"/>'. BROOK_FUZZ_TRIALS sets the number of trials.
/// </summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_view_is_the_clean_fold_of_the_events_whatever_happens()
    {
        var report = await Engine().Over(Stores.New).RunAsync(Trials(60), seed: 1, Token);

        output.WriteLine(report.ToString());
        Assert.Equal([ChaosFaults.Duplicates, ChaosFaults.Reorder, ChaosFaults.Crash, ChaosFaults.TakeOver, ChaosFaults.OtherWriter, ChaosFaults.FailingStore, ChaosFaults.SlowStore, ChaosFaults.Poison, ChaosFaults.Cuts], report.Faults.Keys.Order());
    }

    internal static int Trials(int unlessSet) => int.Parse(Environment.GetEnvironmentVariable("BROOK_FUZZ_TRIALS") ?? "0", CultureInfo.InvariantCulture) is > 0 and var trials ? trials : unlessSet;

    /// <summary>Handlers of the engine's own that do everything the engine can.</summary>
    internal static Chaos Engine() => Chaos.For(brook =>
    {
        brook.AddHandler<Accounts>().AddHandler<Doubling>().Event<Opened>(key: e => e.Account).Event<Closed>(key: e => e.Account);
        brook.Options.HandlerAttempts = 2;
    })
    .Events(random => new Opened(Name(random), random.Next(10)))
    .Events(random => new Booked(Name(random), random.Next(10)), key: e => e.Account)
    .Events(random => new Booked(Name(random), random.Next(10)), key: e => e.Account)
    .Events(random => new Closed(Name(random)))
    .Events(random => new Doubled(Name(random)), key: e => e.Account)
    .Events(random => new Noted(random.Next(100)));

    private static string Name(Random random) => ((char)('a' + random.Next(4))).ToString();
}
