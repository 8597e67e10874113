using Brook.Storage;

namespace Brook.Faults;

/// <summary>A store that is put through faults. A new one is one file in Stores/: it is found by being a class here.</summary>
internal abstract class Store
{
    public static IReadOnlyList<Store> All { get; } = [.. typeof(Store).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Store))).Select(type => (Store)Activator.CreateInstance(type)!)];

    public abstract string Name { get; }

    /// <summary>Null, or what is missing on this machine.</summary>
    public abstract string? WhyNot { get; }

    /// <summary>A server (or a file) of its own, empty.</summary>
    public abstract Task<StoreHost> StartAsync(Needs needs, CancellationToken cancellationToken);

    /// <summary>The view at a place that a <see cref="StoreHost"/> named.</summary>
    /// <param name="place">Where it is.</param>
    /// <param name="timeout">Milliseconds after which a call has failed.</param>
    public abstract IViewStore Open(string place, int timeout = 500);

    public static Store Of(string name) => All.First(store => store.Name == name);
}

/// <summary>What a fault needs of the store before the trial begins.</summary>
/// <param name="Proxy">Workers reach it through a proxy.</param>
/// <param name="EverySecond">It flushes once a second, not at each commit.</param>
/// <param name="SmallDisk">It lies on a disk that can be filled.</param>
internal readonly record struct Needs(bool Proxy = false, bool EverySecond = false, bool SmallDisk = false);

/// <summary>A running store.</summary>
internal abstract class StoreHost : IAsyncDisposable
{
    /// <summary>Where workers find it.</summary>
    public abstract string Place { get; }

    /// <summary>Where the program finds it, past the proxy.</summary>
    public abstract string Direct { get; }

    public abstract ValueTask DisposeAsync();
}
