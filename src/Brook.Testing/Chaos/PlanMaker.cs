using Brook.Lanes;

namespace Brook.Testing;

/// <summary>Makes a trial from a seed.</summary>
internal static class PlanMaker
{
    private static readonly (FaultKind Kind, ChaosFaults Fault)[] s_kinds =
    [
        (FaultKind.Fails, ChaosFaults.FailingStore), (FaultKind.Away, ChaosFaults.FailingStore), (FaultKind.Crash, ChaosFaults.Crash), (FaultKind.Interrupt, ChaosFaults.Crash),
        (FaultKind.TakeOver, ChaosFaults.TakeOver), (FaultKind.Touch, ChaosFaults.OtherWriter), (FaultKind.OtherLane, ChaosFaults.OtherWriter), (FaultKind.Slow, ChaosFaults.SlowStore),
    ];

    /// <param name="seed">Makes all of it.</param>
    /// <param name="given">How many events are given, in order: the first sources.</param>
    /// <param name="sources">How many sources there are in all.</param>
    /// <param name="size">How many events are made at most.</param>
    /// <param name="faults">What may happen.</param>
    /// <param name="make">Draws an event of a source, so that its choices are known.</param>
    public static ChaosPlan Make(int seed, int given, int sources, int size, ChaosFaults faults, Action<int, Random> make)
    {
        var random = new Random(seed);
        var lanes = faults.HasFlag(ChaosFaults.Reorder) && random.Next(2) == 0 ? random.Next(2, 4) : 1;
        var kinds = s_kinds.Where(kind => faults.HasFlag(kind.Fault) && (lanes > 1 || kind.Kind != FaultKind.OtherLane)).Select(kind => kind.Kind).ToList();
        if (kinds.Contains(FaultKind.OtherLane)) kinds.AddRange([FaultKind.OtherLane, FaultKind.OtherLane]);       // it needs two lanes that have something to do
        var (guard, batch) = (random.Next(2) == 0 ? LaneGuard.Offsets : LaneGuard.MessageIds, faults.HasFlag(ChaosFaults.Cuts) ? random.Next(1, 9) : 1);
        var (steps, events) = (new List<Step>(), given + (sources > given ? 1 + random.Next(size) : 0));
        for (var i = 0; i < events; i++)
        {
            steps.Add(EventOf(random, i < given ? i : random.Next(given, sources), faults, make));
            if (faults.HasFlag(ChaosFaults.Duplicates) && random.Next(8) == 0) steps.Add(new AgainStep(random.Next(100)));
            if (i < events - 1 && random.Next(3) > 0) continue;
            for (var n = kinds.Count == 0 ? 0 : random.Next(4); n > 0; n--) steps.Add(new FaultStep(kinds[random.Next(kinds.Count)], random.Next(random.Next(2) == 0 ? 3 : 9), random.Next(2) == 0, random.Next(4)));
            var back = faults.HasFlag(ChaosFaults.Duplicates) && random.Next(3) == 0 ? random.Next(1, 8) : 0;
            steps.Add(new DeliverStep(random.Next(lanes), back > 0 && random.Next(2) == 0 ? 0 : faults.HasFlag(ChaosFaults.Cuts) ? random.Next(1, 8) : 1, back));
        }
        return new(lanes, guard, batch, steps);
    }

    private static EventStep EventOf(Random random, int source, ChaosFaults faults, Action<int, Random> make)
    {
        var choices = new Choices(random);
        make(source, choices);
        var poison = faults.HasFlag(ChaosFaults.Poison) && random.Next(10) == 0 ? (PoisonKind)random.Next(1, 4) : PoisonKind.None;
        return new(source, choices.Made, faults.HasFlag(ChaosFaults.Duplicates) && random.Next(4) == 0, poison);
    }
}
