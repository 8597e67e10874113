using Brook.Redis.Tests.Support;
using Brook.Storage;
using Brook.Testing;

namespace Brook.Redis.Tests.Elixir;

/// <summary>The Elixir layout keeps the contract, but for what its key names and its envelope cannot hold.</summary>
public sealed class ElixirContractTests(SharedRedis redis)
{
    /// <summary>All that is left out, with the reason.</summary>
    private static readonly Dictionary<string, string> s_excluded = new()
    {
        ["where the collection ends and the key begins is never in doubt"] = "a/b:c and a:b/c have one Redis key, {ns}:state:a:b:c; the second of them is refused (ElixirNameTests)",
        ["a page never sees half a commit"] = "nothing lists a collection there: names are scanned first, and values read then (docs/elixir-layout.md)",
    };

    public static TheoryData<string> Cases => [.. ViewStoreContract.Cases.Where(name => !s_excluded.ContainsKey(name))];

    // The records of the contract are no events, so they are logged as data, stamped as they come. Order of real events across types is by their times (ElixirLogTests).
    [Theory]
    [MemberData(nameof(Cases))]
    public Task The_elixir_layout_keeps_the_contract(string name)
    {
        _ = redis.Server;
        return ViewStoreContract.RunAsync(name, time => new ValueTask<IViewStore>(redis.OpenElixir(time)), cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void What_is_left_out_is_in_the_contract() => Assert.All(s_excluded.Keys, name => Assert.Contains(name, ViewStoreContract.Cases));
}
