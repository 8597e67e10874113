namespace Brook.Testing;

/// <summary>What a store can do in tests only. Immutable.</summary>
public sealed record ViewStoreFeatures
{
    /// <summary>
    /// The store asks the <see cref="TimeProvider"/> it is opened with when entries expire. False: it has a clock of its own (its server's), so the cases of
    /// expiry wait for real time, about a second each; that clock must not be more than a few seconds off.
    /// </summary>
    /// <value>The default is true.</value>
    public bool FakeClock { get; init; } = true;
}
