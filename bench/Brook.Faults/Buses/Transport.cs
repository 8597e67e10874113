using Brook.Storage;
using MassTransit;

namespace Brook.Faults;

/// <summary>What brings events to workers over a real client of its own. A new one is one folder beside this one: it is found by being a class.</summary>
internal abstract class Transport : IAsyncDisposable
{
    public static IReadOnlyList<Transport> All { get; } = [.. typeof(Transport).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Transport))).Select(type => (Transport)Activator.CreateInstance(type)!).OrderBy(one => one.Name, StringComparer.Ordinal)];

    public abstract string Name { get; }

    /// <summary>As a document writes it.</summary>
    public abstract string Title { get; }

    /// <summary>Null, or what is missing on this machine.</summary>
    public abstract string? WhyNot { get; }

    /// <summary>How lanes know what they have done.</summary>
    public abstract Feed Feed { get; }

    /// <summary>What makes it right, taken away in the workers' store; the fault beside it must notice.</summary>
    public abstract IReadOnlyList<Guard> Guards { get; }

    /// <summary>All that there are with some store.</summary>
    public IReadOnlyList<BusFault> Faults => field ??= [.. BusFault.All.Where(fault => Store.All.Any(store => fault.AppliesTo(this, store))).DistinctBy(fault => fault.Name)];

    /// <summary>Those with a store.</summary>
    public IEnumerable<BusFault> FaultsOn(Store store) => BusFault.All.Where(fault => fault.AppliesTo(this, store));

    public static Transport Of(string name) => All.First(transport => transport.Name == name);

    /// <summary>A place of a trial's own.</summary>
    public abstract Task<Place> OpenAsync(BusFault fault, CancellationToken cancellationToken);

    /// <summary>What <see cref="AddTo"/> and <see cref="Configure"/> are told beside the fault.</summary>
    public abstract int TuningOf(BusFault fault, int seed);

    /// <summary>The bus, as an application sets it up.</summary>
    public abstract void AddTo(IBusRegistrationConfigurator bus, string broker, int tuning);

    /// <summary>The instance's stream.</summary>
    public abstract void Configure(BrookBuilder brook, string broker, int tuning, int partitions);

    /// <summary>What a log message of a worker means to the trial; null: nothing.</summary>
    public abstract string? Hear(string message, IReadOnlyList<KeyValuePair<string, object?>> values);

    /// <summary>Ends the broker of a run, where there is one.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>What the program itself asks of the broker, past Brook and MassTransit.</summary>
internal abstract class Place : IAsyncDisposable
{
    /// <summary>Where workers and the sender find it.</summary>
    public abstract string Broker { get; }

    /// <summary>Where a lane stands when it is done: messages that are in the view, or the next offset.</summary>
    public abstract Task<long> DoneAsync(BusTrial trial, int partition, CancellationToken cancellationToken);

    /// <summary>Messages that nobody has now.</summary>
    public virtual Task<long> WaitingAsync(int partitions, CancellationToken cancellationToken) => Task.FromResult(0L);

    /// <summary>What else must be true when all is over.</summary>
    public abstract Task CheckAsync(BusTrial trial, Check check, CancellationToken cancellationToken);

    /// <summary>For whoever reads why a trial is stuck.</summary>
    public abstract Task<string> DescribeAsync(IViewStore view, int partitions);

    public abstract ValueTask DisposeAsync();
}
