namespace Brook.Faults;

/// <summary>One thing that goes wrong. A new one is one small class here: it is found by being a class.</summary>
internal abstract class Fault
{
    public static IReadOnlyList<Fault> All { get; } =
    [
        .. typeof(Fault).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Fault)) && !type.IsAbstract).Select(type => (Fault)Activator.CreateInstance(type)!)
            .OrderBy(fault => fault.Name, StringComparer.Ordinal),
    ];

    public abstract string Name { get; }

    /// <summary>What is done, in a line.</summary>
    public abstract string About { get; }

    /// <summary>What the store must be started with.</summary>
    public virtual Needs Needs => default;

    /// <summary>Up to how many events or messages a worker hands to its lane at once.</summary>
    public virtual int Together => 12;

    /// <summary>Whether events come again although they were acknowledged.</summary>
    public virtual bool Repeats => false;

    /// <summary>Whether the store loses what it has confirmed, so that readers see it go back.</summary>
    public virtual bool Rewinds => false;

    /// <summary>Runs only when it is named: what it finds is known, and not Brook's.</summary>
    public virtual bool IsAskedFor => false;

    public virtual bool AppliesTo(Store store, Feed feed) => true;

    /// <summary>Does it, some times, while the trial runs; ends when the store is there again and every lane has an owner.</summary>
    public abstract Task InjectAsync(Trial trial, CancellationToken cancellationToken);
}

/// <summary>A fault of redis-server.</summary>
internal abstract class RedisFault : Fault
{
    public override bool AppliesTo(Store store, Feed feed) => store is Redis;

    public sealed override Task InjectAsync(Trial trial, CancellationToken cancellationToken) => InjectAsync(trial, (RedisHost)trial.Host, cancellationToken);

    protected abstract Task InjectAsync(Trial trial, RedisHost redis, CancellationToken cancellationToken);
}
