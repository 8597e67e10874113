using Brook.Storage;

namespace Brook.Tests.Support;

/// <summary>The store that the engine's tests run on. Other test projects compile the same tests with a Stores of their own (tests/Brook.Redis.Tests).</summary>
internal static class Stores
{
    public static IViewStore New(TimeProvider? time = null) => new InMemoryViewStore(time);
}
