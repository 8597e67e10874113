using Brook.Lanes;

namespace Brook.Testing;

/// <summary>Makes a failing plan as short and as simple as it gets: steps are taken out (delta debugging), then what is left is made simpler. A candidate counts when it fails in the same way.</summary>
internal sealed class Shrinker(Trial trial, CancellationToken cancellationToken)
{
    private const int MaxRuns = 2000;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private readonly long _started = TimeProvider.System.GetTimestamp();
    private ChaosPlan _plan = null!;
    private Failure _failure = null!;
    private int _runs;

    public async Task<(ChaosPlan Plan, Failure Failure)> ShrinkAsync(ChaosPlan plan, Failure failure)
    {
        (_plan, _failure) = (plan, failure);
        for (var changed = failure.Kind != FailureKind.Hangs; changed;)
        {
            changed = await TryAsync(_plan with { Lanes = 1 });
            changed |= await TryAsync(_plan with { BatchEvents = 1 });
            changed |= await TryAsync(_plan with { Guard = LaneGuard.Offsets });
            changed |= await DropAsync();
            changed |= await SimplifyTogetherAsync();
            for (var i = 0; i < _plan.Steps.Count; i++)
                while (await SimplifyAsync(i)) changed = true;
        }
        return (_plan, _failure);
    }

    /// <summary>Takes out parts, half of the steps first, then smaller ones.</summary>
    private async Task<bool> DropAsync()
    {
        var changed = false;
        for (var size = Math.Max(1, _plan.Steps.Count / 2); size >= 1; size /= 2)
            for (var at = _plan.Steps.Count - size; at >= 0; at = Math.Min(at, _plan.Steps.Count) - size)
                changed |= await TryAsync(_plan with { Steps = [.. _plan.Steps.Take(at), .. _plan.Steps.Skip(at + size)] });
        return changed;
    }

    private async Task<bool> SimplifyAsync(int index)
    {
        for (var by = 1; by <= 3 && _plan.Steps[index] is not FaultStep && _plan.Steps.Skip(index).Any(step => step is FaultStep); by++)
            if (await TryAsync(_plan with { Steps = [.. _plan.Steps.Take(index), .. _plan.Steps.Skip(index + 1).Select(step => Earlier(step, by))] })) return index < _plan.Steps.Count;
        foreach (var step in Simpler(_plan.Steps[index]))
            if (step != _plan.Steps[index] && await TryAsync(_plan with { Steps = [.. _plan.Steps.Take(index), step, .. _plan.Steps.Skip(index + 1)] })) return true;
        return false;
    }

    /// <summary>Events that share a key go on sharing one: the same choice is made smaller in all of them.</summary>
    private async Task<bool> SimplifyTogetherAsync()
    {
        var changed = false;
        foreach (var choice in _plan.Steps.OfType<EventStep>().SelectMany(step => step.Choices).Distinct().Where(choice => choice > 0).Order().ToList())
            foreach (var smaller in (long[])[0, 1, choice / 2, choice - 1])
                if (smaller < choice && (changed |= await TryAsync(_plan with { Steps = [.. _plan.Steps.Select(step => step is EventStep e ? e with { Choices = Array.ConvertAll(e.Choices, made => made == choice ? smaller : made) } : step)] }))) break;
        return changed;
    }

    /// <summary>Without the step before it there are fewer calls.</summary>
    private static Step Earlier(Step step, int by) => step is FaultStep fault ? fault with { Call = Math.Max(0, fault.Call - by) } : step;

    private static IEnumerable<Step> Simpler(Step step)
    {
        switch (step)
        {
            case EventStep e:
                if (e.Poison != PoisonKind.None) yield return e with { Poison = PoisonKind.None };
                if (e.Poison > PoisonKind.Throws) yield return e with { Poison = PoisonKind.Throws };
                if (e.HasId) yield return e with { HasId = false };
                if (e.Choices.Any(choice => choice != 0)) yield return e with { Choices = new long[e.Choices.Length] };
                for (var i = 0; i < e.Choices.Length; i++)
                    foreach (var smaller in (long[])[0, 1, e.Choices[i] / 2, e.Choices[i] - 1])
                        if (smaller >= 0 && smaller < e.Choices[i]) yield return e with { Choices = [.. e.Choices[..i], smaller, .. e.Choices[(i + 1)..]] };
                break;
            case AgainStep { Event: > 0 }:
                yield return new AgainStep(0);
                break;
            case DeliverStep d:
                if (d.Back > 0) yield return d with { Back = 0, Count = Math.Max(1, d.Count) };
                if (d.Back > 1) yield return d with { Back = 1 };
                if (d.Lane > 0) yield return d with { Lane = 0 };
                if (d.Count > 1) yield return d with { Count = d.Count - 1 };
                break;
            case FaultStep f:
                if (f.Kind == FaultKind.Away) yield return f with { Kind = FaultKind.Fails, Arg = 0 };
                if (f.Arg > 0) yield return f with { Arg = 0 };
                if (f.Call > 0) yield return f with { Call = f.Call - 1 };
                break;
        }
    }

    private async Task<bool> TryAsync(ChaosPlan candidate)
    {
        if (candidate == _plan || _runs >= MaxRuns || TimeProvider.System.GetElapsedTime(_started) > s_patience) return false;
        if ((candidate.Lanes, candidate.BatchEvents, candidate.Guard) == (_plan.Lanes, _plan.BatchEvents, _plan.Guard) && ReferenceEquals(candidate.Steps, _plan.Steps)) return false;
        _runs++;
        if ((await trial.RunAsync(candidate, cancellationToken)).Failure is not { } failure || failure.Kind != _failure.Kind) return false;
        (_plan, _failure) = (candidate, failure);
        return true;
    }
}
