using Brook.Storage;
using Brook.Testing;
using Brook.Tests.PropertyTests;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Tests.Testing.ChaosKit;

public sealed class ChaosSettingsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<ChaosFaults> Each => [.. Enum.GetValues<ChaosFaults>().Except([ChaosFaults.None, ChaosFaults.All])];

    [Theory]
    [MemberData(nameof(Each))]
    public async Task Each_fault_can_be_left_out(ChaosFaults fault)
        => Assert.DoesNotContain(fault, (await ChaosTests.Engine().Without(fault).RunAsync(40, seed: 1, Token)).Faults.Keys);

    [Theory]
    [MemberData(nameof(Each))]
    public async Task Each_fault_can_be_all_there_is(ChaosFaults fault)
    {
        var faults = (await ChaosTests.Engine().Without(ChaosFaults.All & ~fault).RunAsync(40, seed: 1, Token)).Faults.Keys;
        Assert.Equal([fault], faults);
    }

    [Fact]
    public async Task Without_any_fault_a_handler_with_state_of_its_own_passes()
        => Assert.Empty((await Counts<OwnCounter>().Without(ChaosFaults.All).RunAsync(40, seed: 1, Token)).Faults);

    [Fact]
    public async Task One_seed_gives_the_same_trials_and_the_same_views_in_every_process_and_another_gives_others()
    {
        var first = await ChaosTests.Engine().RunAsync(20, seed: 7, Token);
        Assert.Equal(first.ToString(), (await ChaosTests.Engine().RunAsync(20, seed: 7, Token)).ToString());
        Assert.NotEqual(first.Fingerprint, (await ChaosTests.Engine().RunAsync(20, seed: 8, Token)).Fingerprint);
        Assert.Equal("22f212316f79e34a", (await Counts<Sound>().RunAsync(20, seed: 1, Token)).Fingerprint);
    }

    [Fact]
    public async Task A_collection_can_be_left_out()
        => await Chaos.For(brook => brook.AddHandler<Sound>().AddHandler<LastOfAll>()).Events(random => new Counted($"{random.Next(3)}", 1), key: e => e.Name)
            .Without(ChaosKit.Counts.Texts).RunAsync(40, seed: 1, Token);

    [Fact]
    public async Task Given_events_come_in_order_in_every_trial_and_bring_their_keys_and_ids()
    {
        var report = await Chaos.For(brook => brook.AddHandler<Sound>().Event<Counted>(key: e => e.Name))
            .Given(new Counted("a", 1)).Given(new Counted("a", 2), key: "b").Given(new BrookEvent<Counted>("counted", new Counted("a", 3)) { Key = "a", Id = Guid.CreateVersion7() })
            .RunAsync(40, seed: 1, Token);
        Assert.Equal(120, report.Events);
        var error = await Assert.ThrowsAsync<ChaosException>(() => Chaos.For(brook => brook.AddHandler<WallClock>().Event<Counted>(key: e => e.Name)).Given(new Counted("a", 1)).RunAsync(cancellationToken: Token));
        Assert.Contains("  1  counted(a) {\"name\":\"a\",\"number\":1}\n", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Services_and_options_of_the_instance_are_kept_but_its_store_and_its_clock()
        => await Chaos.For<Injected>(brook =>
        {
            brook.Services.AddSingleton(new List<int> { 1 }).AddSingleton<TimeProvider>(new Microsoft.Extensions.Time.Testing.FakeTimeProvider());
            brook.UseStore(_ => throw new InvalidOperationException("not this one"));
            brook.Options.HandlerAttempts = 1;
        }).Events(random => new Counted($"{random.Next(3)}", 1)).RunAsync(40, seed: 1, Token);

    [Fact]
    public async Task The_store_is_made_for_each_run_and_disposed_of()
    {
        var stores = new List<Disposable>();
        await Counts<Sound>().Over(time =>
        {
            stores.Add(new Disposable(new InMemoryViewStore(time)));
            return stores[^1];
        }).RunAsync(20, seed: 1, Token);
        Assert.Equal(20, stores.Count);
        Assert.All(stores, store => Assert.True(store.IsDisposed));
    }

    [Fact]
    public async Task A_cancelled_run_ends_as_cancelled()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Counts<Sound>().RunAsync(cancellationToken: cancelled.Token));
    }

    private static Chaos Counts<[System.Diagnostics.CodeAnalysis.DynamicallyAccessedMembers(System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.PublicConstructors | System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.Interfaces)] THandler>() where THandler : class
        => Chaos.For<THandler>().Events(random => new Counted($"{random.Next(3)}", random.Next(10)), key: e => e.Name);

    private sealed class Injected(List<int> service) : IBrookHandler<Counted>
    {
        public Changes Handle(BrookEvent<Counted> e) => Change.Merge(ChaosKit.Counts.Numbers, e.Data.Name, sum => sum + service[0]);
    }

    private sealed class Disposable(IViewStore inner) : Support.StoreDecorator(inner), IDisposable
    {
        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
