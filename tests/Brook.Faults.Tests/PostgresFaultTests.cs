using Brook.TestServers;

namespace Brook.Faults.Tests;

/// <summary>A trial of each kind over PostgreSQL: ./bench/faults --store postgres runs all, and many.</summary>
[Collection("trials, one after the other")]
public sealed class PostgresFaultTests(Workers workers)
{
    [Theory]
    [InlineData("worker-kill")]
    [InlineData("postgres-kill")]
    [InlineData("postgres-lost-answers")]
    public async Task The_view_in_postgres_equals_a_clean_fold_whatever_goes_wrong(string fault)
    {
        var outcome = await workers.RunAsync(fault, Feed.Offsets, seed: 1, store: "postgres");

        Assert.True(outcome.IsExact, Report.Text(outcome));
        Assert.True(outcome.Injected > 0, "nothing went wrong");
    }
}
