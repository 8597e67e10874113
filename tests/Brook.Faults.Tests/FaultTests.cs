namespace Brook.Faults.Tests;

/// <summary>One trial of each fault: ./bench/faults runs many.</summary>
[Collection("trials, one after the other")]
public sealed class FaultTests(Workers workers)
{
    public static TheoryData<string, string> Faults =>
    [
        .. from fault in Fault.All
           where !fault.IsAskedFor
           from feed in Feed.All
           where fault.AppliesTo(Store.Of("redis"), feed)
           select (fault.Name, feed.Name),
    ];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task The_view_equals_a_clean_fold_whatever_goes_wrong(string fault, string feed)
    {
        var outcome = await workers.RunAsync(fault, Feed.All.Single(one => one.Name == feed), seed: 1);

        Assert.True(outcome.IsExact, Report.Text(outcome));
        Assert.True(fault == "calm" || outcome.Injected > 0, "nothing went wrong");
        Assert.True(outcome.Reads > 0, "nobody looked meanwhile");
        Assert.True(outcome.Parked > 0 && outcome.Released > 0, "nothing was set aside, or nothing of it released");
    }
}

/// <summary>The trials are worth something only if they notice a missing guard.</summary>
[Collection("trials, one after the other")]
public sealed class GuardTests(Workers workers)
{
    private const int Trials = 8;

    public static TheoryData<string> Guards => [.. Guard.All.Select(guard => guard.Name)];

    [Theory]
    [MemberData(nameof(Guards))]
    public async Task A_missing_guard_is_noticed(string name)
    {
        var guard = Guard.All.Single(guard => guard.Name == name);
        for (var seed = 1; seed <= Trials; seed++)
            if (await workers.RunAsync(guard.Fault, guard.Feed, seed, guard) is { IsExact: false }) return;
        Assert.Fail($"{Trials} trials of {guard.Fault} have not noticed it.");
    }
}
