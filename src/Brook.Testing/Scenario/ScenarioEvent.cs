using Brook.Lanes;

namespace Brook.Testing;

/// <summary>An event of a scenario; what its type is, only the instance knows.</summary>
internal sealed record ScenarioEvent(Func<BrookEngine, BrookEvent> Make, DateTimeOffset At, bool IsWhen)
{
    public static ScenarioEvent Of<T>(T data, string? key, DateTimeOffset at, bool isWhen)
    {
        if (data is not BrookEvent e) return new(engine => new BrookEvent<T>(engine.TypeOf<T>(), data) { Key = key }, at, isWhen);
        if (key is not null) throw new ArgumentException($"The event {e} has a key of its own, or none. Set its Key instead of passing one.", nameof(key));
        return new(_ => e, at, isWhen);
    }
}
