using Brook.Storage;

namespace Brook.Testing;

/// <summary>Why a trial failed.</summary>
internal enum FailureKind { Nondeterministic, Differs, Broke, Hangs }

/// <summary>A failed trial, as it is shown.</summary>
internal sealed record Failure(FailureKind Kind, string Where, string Expected, string Found, IReadOnlyList<ChaosEvent> Events, IReadOnlyList<string> Story, Exception? Cause = null);

/// <summary>What a trial was, and the failure it found; null: none.</summary>
internal sealed record TrialResult(Failure? Failure, int Events, IReadOnlyDictionary<ChaosFaults, long> Faults, string Image);

/// <summary>Runs plans: twice as a clean fold, then as chaos, and compares.</summary>
internal sealed class Trial(Action<BrookBuilder> configure, IReadOnlyList<Func<Random, Lanes.BrookEngine, BrookEvent>> sources, Func<TimeProvider, IViewStore> open, IReadOnlySet<string> without, TimeSpan deadline)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UnixEpoch.AddYears(56).AddDays(1), s_later = s_now.AddDays(40).AddHours(7).AddMinutes(3).AddSeconds(1.234);

    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<TrialResult> RunAsync(ChaosPlan plan, CancellationToken cancellationToken)
    {
        var (events, story) = (new List<ChaosEvent>(), new List<string>());
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var limit = new CallLimit(ending, plan.Steps.Count);
        var running = Task.Run(() => RunAsync(plan, events, story, limit, ending.Token), cancellationToken);
        try
        {
            return await running.WaitAsync(deadline, cancellationToken);
        }
        catch (TimeoutException) when (!running.IsCompleted)
        {
            await ending.CancelAsync();
            return Ends(FailureKind.Hangs, $"not within {deadline.TotalSeconds} seconds");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && limit.Exceeded is { } why)
        {
            return Ends(FailureKind.Broke, why);
        }
        catch (Exception e) when (e is not (FormatException or OperationCanceledException))
        {
            return Ends(FailureKind.Broke, $"{e.GetType().Name}: {e.Message}", e);
        }

        TrialResult Ends(FailureKind kind, string how, Exception? cause = null) => new(new(kind, "how it ends", "when all is handled", how, [.. events], [.. story], cause), events.Count, new Dictionary<ChaosFaults, long>(), "");
    }

    /// <summary>An engine to make events with.</summary>
    public ChaosNode Idle()
    {
        var clock = new ChaosClock(s_now);
        return ChaosNode.Start(configure, new InMemoryViewStore(clock), clock, new CallLimit(new(), 0));
    }

    private async Task<TrialResult> RunAsync(ChaosPlan plan, List<ChaosEvent> events, List<string> story, CallLimit limit, CancellationToken cancellationToken)
    {
        int attempts;
        var idle = Idle();
        await using (idle)
        {
            events.AddRange(ChaosEvent.Of(plan, sources, idle.Engine));
            attempts = idle.Engine.Options.HandlerAttempts;
        }
        var expected = await CleanFold.OfAsync(events, configure, without, s_now, limit, cancellationToken);
        var again = await CleanFold.OfAsync(events, configure, without, s_later, limit, cancellationToken);
        if (expected.DifferenceTo(again, events, 1) is var (where, first, second))
            return new(new(FailureKind.Nondeterministic, where, first, second, events, []), events.Count, new Dictionary<ChaosFaults, long>(), "");
        var clock = new ChaosClock(s_now);
        var store = open(clock);
        var poison = new Poison(events, once: attempts > 1);
        var run = new ChaosRun(plan, configure, store, clock, limit, events, poison, story);
        try
        {
            await store.StartAsync(cancellationToken);
            await run.RunAsync(cancellationToken);
            if (poison.Failed > 0) run.Faults[ChaosFaults.Poison] = poison.Failed;
            if (events.Select(e => e.Lane).Distinct().Count() > 1) run.Faults[ChaosFaults.Reorder] = 1;
            var reader = ChaosNode.Start(configure, store, clock, limit);
            await using (reader)
            {
                var found = await ViewImage.ReadAsync(reader, events, without, cancellationToken);
                return new(expected.DifferenceTo(found, events, plan.Lanes) is var (place, there, here) ? new(FailureKind.Differs, place, there, here, events, story) : null, events.Count, run.Faults, expected.ToString());
            }
        }
        finally
        {
            await run.DisposeAsync();
            if (store is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync();
            else (store as IDisposable)?.Dispose();
        }
    }
}
