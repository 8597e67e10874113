namespace Brook.Faults.Tests;

/// <summary>One trial of each fault that says something about a SQLite file: ./bench/faults --store sqlite runs many of all.</summary>
[Collection("trials, one after the other")]
public sealed class SqliteFaultTests(Workers workers)
{
    public static TheoryData<string, string> Faults => new()
    {
        { "worker-kill", "messages" }, { "zombie", "offsets" }, { "duplicates", "messages" }, { "competing-writers", "offsets" }, { "locked", "messages" }, { "disk-full", "offsets" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task The_view_equals_a_clean_fold_whatever_goes_wrong(string fault, string feedName)
    {
        var (one, feed) = (Fault.All.Single(one => one.Name == fault), Feed.All.Single(one => one.Name == feedName));
        Assert.SkipUnless(one.AppliesTo(Store.Of("sqlite"), feed), SqliteHost.WhyNoDisk ?? "");

        var outcome = await workers.RunOnSqliteAsync(fault, feed, seed: 1);

        Assert.True(outcome.IsExact, Report.Text(outcome));
        Assert.True(outcome.Injected > 0 && outcome.Reads > 0, "nothing went wrong, or nobody looked meanwhile");
    }

    [Fact]
    public async Task A_missing_fence_is_noticed()
    {
        var fence = Guard.All.Single(guard => guard.Name == "fence");
        for (var seed = 1; seed <= 8; seed++)
            if (await workers.RunOnSqliteAsync(fence.Fault, fence.Feed, seed, fence) is { IsExact: false }) return;
        Assert.Fail("Nobody has noticed it.");
    }
}
