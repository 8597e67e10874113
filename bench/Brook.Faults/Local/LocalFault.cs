namespace Brook.Faults;

/// <summary>
/// One thing that goes wrong within one process: with queues or a view in memory nothing outlives it. Over a broker with the view in memory it is the one node of its instance.
/// </summary>
internal abstract class LocalFault : BusFault
{
    public override int Workers => 0;

    public override int Slow => 4;

    /// <summary>A second instance reads the stream.</summary>
    public virtual bool HasSecond => false;

    public override bool AppliesTo(Transport transport, Store store) => transport is InMemoryTransport || store is InMemory;

    /// <summary>What the fault takes of an instance.</summary>
    public virtual void Configure(BrookBuilder brook) { }

    public sealed override Task InjectAsync(BusTrial trial, CancellationToken cancellationToken) => InjectAsync(trial, trial.Node!, cancellationToken);

    protected abstract Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken);
}
