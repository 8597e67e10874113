using Brook.Testing;

namespace Brook.Tests.Testing.ChaosKit;

/// <summary>What a user reads.</summary>
public sealed class ChaosMessagesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_failure_shows_the_shortest_sequence_and_how_to_run_it_again()
    {
        var error = await Assert.ThrowsAsync<ChaosException>(() => Of<OwnCounter>().Without(ChaosFaults.Poison).RunAsync(seed: 3, cancellationToken: Token));
        Assert.Equal("""
            Chaos with OwnCounter: the view is not the clean fold of the events (seed 3, trial 4; the shortest sequence found that fails)
            events
              1  counted(a) {"name":"a","number":0}
              2  counted(a) {"name":"a","number":0}
            what happened
              lane 0 is handed 1
              lane 0 is handed 2
                before a commit: the process ends
              lane 0 is handed 2
            numbers/a
              expected: 2
              found:    1
            likely: a handler keeps state of its own or changes what it was given, or the store breaks a promise (ViewStoreContract)
            run just this again: .RunAgainAsync("1/o/1 e0.0.0.0.0 d0.1.0 e0.0.0.0.0 f2.0.0.0")
            """.ReplaceLineEndings("\n"), error.Message);
    }

    [Fact]
    public async Task A_handler_that_is_not_deterministic_is_shown_with_both_views()
    {
        var error = await Assert.ThrowsAsync<ChaosException>(() => Of<InjectedClock>().RunAsync(cancellationToken: Token));
        Assert.Equal("""
            Chaos with InjectedClock: the same events, folded twice, make two views (seed 1, trial 1; the shortest sequence found that fails)
            events
              1  counted(a) {"name":"a","number":0}
            texts/a
              first:    "2026-01"
              second:   "2026-02"
            likely: a handler uses the clock, random numbers, new ids or state of its own. Take what it needs from the event
            run just this again: .RunAgainAsync("1/o/1 e0.0.0.0.0")
            """.ReplaceLineEndings("\n"), error.Message);
    }

    [Fact]
    public async Task Everything_that_may_happen_has_a_text()
    {
        // one event on each lane and some behind them; each fault once
        var error = await Assert.ThrowsAsync<ChaosException>(() => Of<CountsAttempts>().RunAgainAsync(
            "2/m/2 e0.0.0.0.1 e0.1.0.2.1 e0.0.1.0.2 a0 e0.2.0.1.3 e0.3.0.0.3 f0.3.1.0 d0.2.0 f0.0.1.0 f1.0.0.2 d0.2.0 f5.0.0.0 f6.0.1.0 d0.2.1 e0.0.0.1.4 f7.0.0.0 f2.0.0.0 d1.1.0 e0.0.0.1.5 f3.1.1.0 d1.1.0 f4.4.0.0 d1.2.0", Token));
        Assert.Equal("""
            Chaos with CountsAttempts: the view is not the clean fold of the events (run again)
            events
              1  counted(a) {"name":"a","number":1} -> lane 0
              2  counted(c) {"name":"c","number":1}, and its handler fails -> lane 0
              3  counted(a) {"name":"a","number":2}, with an id of its own -> lane 0
              4  counted(b) {"name":"b","number":3}, and its merge fails -> lane 1
              5  counted(a) {"name":"a","number":3}, and its handler fails the first time -> lane 0
              6  counted(b) {"name":"b","number":4} -> lane 1
              7  counted(b) {"name":"b","number":5} -> lane 1
            what happened
              event 3 is sent a second time
                after a commit: its answer gets lost
              lane 0 is handed 1 2
              lane 0 is handed 3 3
                before a commit: the store goes away for 3 calls
                after a read: the call fails
              lane 0 is handed 3 3 5
                after a commit: another lane writes
                  lane 1 is handed 4
                before a commit: somebody writes 1 of its entries again, as they are
              lane 1 is handed 6
                before a commit: the store takes 10 seconds
                before a commit: the process ends
                after a read: the call is cancelled
                before a read: another process takes lane 1 over
                  lane 1 is handed 6
              lane 1 is handed 7
              lane 1 learns that it has another owner
              lane 1 is handed 7
            numbers/a
              expected: 3
              found:    5
            likely: a handler keeps state of its own or changes what it was given, or the store breaks a promise (ViewStoreContract)
            run just this again: .RunAgainAsync("2/m/2 e0.0.0.0.1 e0.1.0.2.1 e0.0.1.0.2 a0 e0.2.0.1.3 e0.3.0.0.3 f0.3.1.0 d0.2.0 f0.0.1.0 f1.0.0.2 d0.2.0 f5.0.0.0 f6.0.1.0 d0.2.1 e0.0.0.1.4 f7.0.0.0 f2.0.0.0 d1.1.0 e0.0.0.1.5 f3.1.1.0 d1.1.0 f4.4.0.0 d1.2.0")
            """.ReplaceLineEndings("\n"), error.Message);
    }

    [Fact]
    public async Task A_handler_that_blocks_is_shown_with_the_events_it_was_given()
    {
        using var never = new ManualResetEventSlim();
        var error = await Assert.ThrowsAsync<ChaosException>(() => Chaos.For(brook => brook.On<int>("block", _ =>
        {
            never.Wait(Token);
            return default;
        })).Given(1).Within(TimeSpan.FromMilliseconds(50)).RunAsync(cancellationToken: Token));
        never.Set();
        Assert.Equal("""
            Chaos with the handlers: the run did not end (seed 1, trial 1; the shortest sequence found that fails)
            events
              1  block() 1
            how it ends
              expected: when all is handled
              found:    not within 0.05 seconds
            likely: a handler that blocks
            run just this again: .RunAgainAsync("1/o/7 e0.0.0 f2.1.1.1 f5.2.0.0 f1.1.0.1 d0.5.0")
            """.ReplaceLineEndings("\n"), error.Message);
    }

    [Fact]
    public async Task The_text_in_a_failure_runs_just_that_again()
    {
        const string Trial = "1/o/1 e0.0.0.0.0 f2.1.0.0";        // cancelled or killed before its first commit: harmless to one, not to the other
        await Of<Sound>().RunAgainAsync(Trial, Token);
        var error = await Assert.ThrowsAsync<ChaosException>(() => Of<WallClock>().RunAgainAsync(Trial, Token));
        Assert.EndsWith($"run just this again: .RunAgainAsync(\"{Trial}\")", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1/o")]
    [InlineData("1/x/1 e0.0.0")]
    [InlineData("1/o/1 q1")]
    [InlineData("1/o/1 d0")]
    public async Task Another_text_is_refused(string text)
    {
        var error = await Assert.ThrowsAsync<FormatException>(() => Of<Sound>().RunAgainAsync(text, Token));
        Assert.Equal($"'{text}' is no trial of Chaos. Take the text from a failure's message as it is.", error.Message);
    }

    [Fact]
    public async Task A_trial_of_other_events_is_refused()
    {
        var error = await Assert.ThrowsAsync<FormatException>(() => Of<Sound>().RunAgainAsync("1/o/1 e7.0.0", Token));
        Assert.Equal("The trial has events of source 7, and there are 1. Run it with the events it was found with.", error.Message);
    }

    [Fact]
    public async Task Chaos_without_events_is_refused()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Chaos.For<Sound>().RunAsync(cancellationToken: Token));
        Assert.Equal("Chaos has no events. Add some with Given, or a kind of them with Events.", error.Message);
    }

    private static Chaos Of<[System.Diagnostics.CodeAnalysis.DynamicallyAccessedMembers(System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.PublicConstructors | System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.Interfaces)] THandler>() where THandler : class
        => Chaos.For<THandler>().Events(random => new Counted(((char)('a' + random.Next(3))).ToString(), random.Next(10)), key: e => e.Name);
}
