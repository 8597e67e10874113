using System.Globalization;

namespace Brook.Tests.PropertyTests;

/// <summary>
/// The view equals a clean fold of the events whatever happens on the way: failed commits, lost answers, reads that fail, owners that are killed or replaced,
/// messages that come again whole or in part, events sent twice, poison. BROOK_FUZZ_TRIALS sets how many trials each kind of delivery gets.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly int s_trials = int.Parse(Environment.GetEnvironmentVariable("BROOK_FUZZ_TRIALS") ?? "20", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData((int)Delivery.TwoOwners)]
    [InlineData((int)Delivery.Killed)]
    [InlineData((int)Delivery.Shared)]
    [InlineData((int)Delivery.TwoLanes)]
    public async Task The_view_equals_a_clean_fold_of_the_events(int delivery)
    {
        var (conflicts, failed, lost) = (0, 0, 0);
        for (var seed = 0; seed < s_trials; seed++)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            deadline.CancelAfter(TimeSpan.FromSeconds(60));
            var trial = new Trial(seed, (Delivery)delivery);
            if (await trial.RunAsync(deadline.Token) is { } difference) Assert.Fail($"{(Delivery)delivery}, seed {seed}: {difference}");
            (conflicts, failed, lost) = (conflicts + trial.Conflicts, failed + trial.Failed, lost + trial.Lost);
        }
        output.WriteLine($"{(Delivery)delivery}: {s_trials} trials, {conflicts} conflicts, {failed} commits failed, {lost} answers lost");
        Assert.True(failed > 0 && lost > 0);
        Assert.True(conflicts > 0 || delivery == (int)Delivery.Killed);
    }
}
