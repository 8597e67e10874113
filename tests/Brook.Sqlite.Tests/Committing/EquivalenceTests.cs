using Brook.Sqlite.Tests.Support;
using Brook.Tests.Shared;
using Microsoft.Extensions.Time.Testing;

namespace Brook.Sqlite.Tests.Committing;

/// <summary>The statements against the reference.</summary>
public sealed class EquivalenceTests(Files files)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_commits_leave_the_same_in_sqlite_as_in_memory(int seed)
    {
        var time = new FakeTimeProvider();
        await using var store = files.Open(time);
        await StoreEquivalence.HoldsAsync(store, time, seed);
    }
}
