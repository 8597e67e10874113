using System.Diagnostics.CodeAnalysis;
using Brook.Storage;
using Brook.Testing;
using Brook.Tests.PropertyTests;

namespace Brook.Tests.Testing.ChaosKit;

/// <summary>The kit is worth something only if it finds what is wrong: each defect here, within a number of trials that leaves room for another seed.</summary>
public sealed class SeededDefectsTests(ITestOutputHelper output)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task The_time_of_handling() => FindsAsync<WallClock>(1, "folded twice");

    [Fact]
    public Task The_time_of_an_injected_clock() => FindsAsync<InjectedClock>(1, "folded twice");

    [Fact]
    public Task New_ids() => FindsAsync<NewIds>(1, "folded twice");

    [Fact]
    public Task Random_numbers() => FindsAsync<RandomNumbers>(1, "folded twice");

    [Fact]
    public Task A_static_counter() => FindsAsync<StaticCounter>(1, "folded twice");

    [Fact]
    public Task A_counter_of_the_handlers_own() => FindsAsync<OwnCounter>(10, "not the clean fold");

    [Fact]
    public Task The_last_of_all_keys() => FindsAsync<LastOfAll>(10, "depends on the order of events of different keys");

    [Fact]
    public Task A_list_over_all_keys() => FindsAsync<ListOfAll>(10, "depends on the order of events of different keys");

    [Fact]
    public Task A_merge_with_a_side_effect() => FindsAsync<MergeCounts>(30, "not the clean fold");

    [Fact]
    public Task A_list_that_all_share() => FindsAsync<SharedList>(1, "folded twice");

    [Fact]
    public Task Attempts_in_the_view() => FindsAsync<CountsAttempts>(30, "not the clean fold");

    [Fact]
    public Task A_read_past_the_context() => FindsAsync<ReadsPastItsContext>(10, "not the clean fold");

    [Fact]
    public Task A_count_that_the_view_rests_on() => FindsAsync<NumbersThem>(200, "not the clean fold");

    [Fact]
    public async Task A_sound_handler_passes()
        => output.WriteLine((await Of<Sound>().RunAsync(300, seed: 1, Token)).ToString());

    private async Task FindsAsync<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.Interfaces)] THandler>(int trials, string why) where THandler : class
    {
        for (var seed = 1; seed <= 3; seed++)
        {
            var error = await Assert.ThrowsAsync<ChaosException>(() => Of<THandler>().RunAsync(trials, seed, Token));
            output.WriteLine(error.Message);
            Assert.Contains(why, error.Message, StringComparison.Ordinal);
        }
    }

    private static Chaos Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.Interfaces)] THandler>() where THandler : class
        => Chaos.For<THandler>().Events(random => new Counted(((char)('a' + random.Next(3))).ToString(), random.Next(10)), key: e => e.Name);
}
