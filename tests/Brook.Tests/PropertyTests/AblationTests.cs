using Brook.Storage;

namespace Brook.Tests.PropertyTests;

/// <summary>The trials are worth something only if they notice a missing guard: with each one taken away, some trial must differ from the clean fold.</summary>
public sealed class AblationTests(ITestOutputHelper output)
{
    private const int Trials = 150;

    [Fact]
    public Task Without_a_version_check_on_view_entries_updates_are_lost_between_two_lanes()
        => MustFailAsync(Delivery.TwoLanes, () => entry => entry.Entry.Collection[0] == '$' ? entry : entry with { Expected = null });

    [Fact]
    public Task Without_a_version_check_on_view_entries_updates_are_lost_between_nodes_that_share_an_endpoint()
        => MustFailAsync(Delivery.Shared, () => entry => entry.Entry.Collection[0] == '$' ? entry : entry with { Expected = null });

    [Fact]
    public Task Without_a_version_check_on_the_lanes_entry_a_replaced_owner_is_not_fenced()
        => MustFailAsync(Delivery.TwoOwners, () => entry => entry.Entry.Collection == "$lanes" ? entry with { Expected = null } : entry);

    [Fact]
    public Task Without_a_check_of_shared_message_ids_messages_are_applied_again()
        => MustFailAsync(Delivery.Shared, () => entry => entry.Entry.Collection.StartsWith("$applied", StringComparison.Ordinal) ? entry with { Expected = null } : entry);

    [Fact]
    public Task Without_remembered_message_ids_messages_are_applied_again_after_a_kill()
        => MustFailAsync(Delivery.Killed, () => entry => entry.Entry.Collection.StartsWith("$applied", StringComparison.Ordinal) ? null : entry);

    [Fact]
    public Task Without_remembered_event_ids_events_sent_twice_are_applied_twice_after_a_kill()
        => MustFailAsync(Delivery.Killed, () => entry => entry.Entry.Collection.StartsWith("$events", StringComparison.Ordinal) ? null : entry);

    [Fact]
    public Task Without_rows_of_failed_events_they_are_lost()
        => MustFailAsync(Delivery.Killed, () => entry => entry.Entry.Collection == "$parked" ? null : entry);

    [Fact]
    public Task A_store_that_applies_commits_in_part_is_found_out()
        => MustFailAsync(Delivery.TwoOwners, () =>
        {
            var written = 0;
            return entry => entry.Entry.Collection[0] != '$' && entry.Action != EntryAction.Check && ++written % 50 == 0 ? null : entry;
        });

    [Fact]
    public async Task A_store_that_says_committed_and_writes_nothing_is_found_out()
    {
        var commits = 0;
        await MustFailAsync(Delivery.TwoLanes, inner => new AblatedStore(inner, entry => entry, () => Interlocked.Increment(ref commits) % 30 == 0));
    }

    [Fact]
    public async Task A_lost_answer_that_is_not_settled_applies_events_again()
        => await MustFailAsync(Delivery.Killed, inner => new ForgetfulStore(inner));

    private Task MustFailAsync(Delivery delivery, Func<Func<CommitEntry, CommitEntry?>> each) => MustFailAsync(delivery, inner => new AblatedStore(inner, each()));

    private async Task MustFailAsync(Delivery delivery, Func<IViewStore, IViewStore> ablate)
    {
        for (var seed = 0; seed < Trials; seed++)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            deadline.CancelAfter(TimeSpan.FromSeconds(10));
            string? difference;
            try { difference = await new Trial(seed, delivery, ablate).RunAsync(deadline.Token); }
            catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested) { difference = "it does not end"; }
            if (difference is null) continue;
            output.WriteLine($"found by seed {seed}: {difference}");
            return;
        }
        Assert.Fail($"{Trials} trials have not noticed that a guard is missing.");
    }
}
