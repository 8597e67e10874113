using System.Globalization;
using Brook.Storage;

namespace Brook.Tests.PropertyTests;

/// <summary>Whatever two nodes do with what is set aside while the lane goes on: once all is released, the view is the clean fold per key. BROOK_FUZZ_TRIALS sets how many trials there are.</summary>
public sealed class ParkedFuzzTests(ITestOutputHelper output)
{
    private static readonly int s_trials = int.Parse(Environment.GetEnvironmentVariable("BROOK_FUZZ_TRIALS") ?? "20", CultureInfo.InvariantCulture);

    [Fact]
    public async Task After_all_is_released_the_view_equals_a_clean_fold_per_key_with_skipped_events_left_out_and_replaced_ones_replaced()
    {
        var (retried, heldUp) = (0, 0);
        for (var seed = 0; seed < s_trials; seed++)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            deadline.CancelAfter(TimeSpan.FromSeconds(60));
            var trial = new ParkedTrial(seed);
            if (await trial.RunAsync(deadline.Token) is { } difference) Assert.Fail($"seed {seed}: {difference}");
            (retried, heldUp) = (retried + trial.Seen.Retried, heldUp + trial.Seen.HeldUp);
        }
        output.WriteLine($"{s_trials} trials, {retried} events released by hand, {heldUp} batches set something aside");
        Assert.True(retried > 0 && heldUp > 0);
    }

    [Fact]
    public Task Without_version_checks_on_the_rows_and_on_what_moves_with_them_an_event_is_applied_twice_or_a_replaced_one_unreplaced()
        => MustFailAsync(entry => entry.Entry.Collection is "$parked" or "$parking" ? entry with { Expected = null } : entry);

    [Fact]
    public Task Without_taking_the_rows_away_in_the_same_commit_events_are_applied_again()
        => MustFailAsync(entry => entry.Entry.Collection == "$parked" && entry.Action == EntryAction.Delete ? null : entry);

    private async Task MustFailAsync(Func<CommitEntry, CommitEntry?> each)
    {
        for (var seed = 0; seed < 150; seed++)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            deadline.CancelAfter(TimeSpan.FromSeconds(10));
            string? difference;
            try { difference = await new ParkedTrial(seed, inner => new AblatedStore(inner, each)).RunAsync(deadline.Token); }
            catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested) { difference = "it does not end"; }
            if (difference is null) continue;
            output.WriteLine($"found by seed {seed}: {difference}");
            return;
        }
        Assert.Fail("150 trials have not noticed that a guard is missing.");
    }
}
