using System.Collections.Concurrent;
using System.Globalization;
using Brook.Storage;

namespace Brook.Faults;

/// <summary>The store that ends with its process: one process does everything then (<see cref="LocalFault"/>).</summary>
internal sealed class InMemory : Store
{
    private static readonly ConcurrentDictionary<string, IViewStore> s_stores = new();
    private static int s_number;

    public override string Name => "inmemory";

    public override string? WhyNot => null;

    public override Task<StoreHost> StartAsync(Needs needs, CancellationToken cancellationToken)
    {
        var place = Interlocked.Increment(ref s_number).ToString(CultureInfo.InvariantCulture);
        s_stores[place] = new InMemoryViewStore();
        return Task.FromResult<StoreHost>(new InMemoryHost(place));
    }

    public override IViewStore Open(string place, int timeout = 500) => new SlowStore(s_stores[place], 0);

    private sealed class InMemoryHost(string place) : StoreHost
    {
        public override string Place => place;

        public override string Direct => place;

        public override ValueTask DisposeAsync()
        {
            s_stores.TryRemove(place, out _);
            return default;
        }
    }
}
