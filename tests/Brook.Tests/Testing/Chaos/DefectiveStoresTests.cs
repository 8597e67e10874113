using Brook.Storage;
using Brook.Testing;
using Brook.Tests.PropertyTests;

namespace Brook.Tests.Testing.ChaosKit;

/// <summary>A store that breaks a promise is found, and so is an engine without one of its guards: each entry of its commits is changed or left out.</summary>
public sealed class DefectiveStoresTests(ITestOutputHelper output)
{
    [Fact]
    public Task No_version_check_on_view_entries() => FindsAsync(Each(entry => entry.Entry.Collection[0] == '$' ? entry : entry with { Expected = null }));

    [Fact]
    public Task No_version_check_on_the_lanes_entry() => FindsAsync(Each(entry => entry.Entry.Collection == "$lanes" ? entry with { Expected = null } : entry));

    [Fact]
    public Task No_remembered_message_ids() => FindsAsync(Each(entry => entry.Entry.Collection.StartsWith("$applied", StringComparison.Ordinal) ? null : entry));

    [Fact]
    public Task No_remembered_event_ids() => FindsAsync(Each(entry => entry.Entry.Collection.StartsWith("$events", StringComparison.Ordinal) ? null : entry));

    [Fact]
    public Task No_rows_of_failed_events() => FindsAsync(Each(entry => entry.Entry.Collection == "$parked" ? null : entry));

    [Fact]
    public Task No_rows_of_events_to_be_sent() => FindsAsync(Each(entry => entry.Entry.Collection == "$outbox" ? null : entry));

    [Fact]
    public Task Commits_in_part() => FindsAsync(inner =>
    {
        var written = 0;
        return new AblatedStore(inner, entry => entry.Entry.Collection[0] != '$' && entry.Action != EntryAction.Check && ++written % 20 == 0 ? null : entry);
    });

    [Fact]
    public Task Committed_and_nothing_written() => FindsAsync(inner =>
    {
        var commits = 0;
        return new AblatedStore(inner, entry => entry, () => ++commits % 10 == 0);
    });

    [Fact]
    public Task A_lost_answer_that_cannot_be_settled() => FindsAsync(inner => new ForgetfulStore(inner));

    private static Func<IViewStore, IViewStore> Each(Func<CommitEntry, CommitEntry?> each) => inner => new AblatedStore(inner, each);

    private async Task FindsAsync(Func<IViewStore, IViewStore> @break)
    {
        for (var seed = 1; seed <= 2; seed++)
        {
            var error = await Assert.ThrowsAsync<ChaosException>(() => ChaosTests.Engine().Over(time => @break(new InMemoryViewStore(time))).RunAsync(100, seed, TestContext.Current.CancellationToken));
            output.WriteLine(error.Message);
        }
    }
}
