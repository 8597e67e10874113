using Brook.Storage;
using Microsoft.Extensions.Logging;

namespace Brook.Lanes;

/// <summary>What the stages of one lane share.</summary>
internal sealed class LaneContext
{
    public LaneContext(BrookEngine engine, string name)
    {
        (Engine, Name, MaxAttempts, UnknownEvents) = (engine, name, engine.Options.HandlerAttempts, engine.Options.UnknownEvents);
        Watch = new LaneWatch(engine.Time);
        Store = new PatientStore(engine.Store, engine.Options, engine.Time, engine.Logger, name);
        View = NewView();
    }

    public string Name { get; }
    public BrookEngine Engine { get; }
    public BrookOptions Options => Engine.Options;
    public ILogger Logger => Engine.Logger;
    public TimeProvider Time => Engine.Time;

    /// <summary>The store as a lane sees it: calls wait while it is away.</summary>
    public PatientStore Store { get; }
    public Batch Batch { get; } = new();
    public StagedView View { get; private set; }
    public ISetAside Parked { get; set; } = null!;

    /// <summary>How often a failing event is tried before it is set aside.</summary>
    public int MaxAttempts { get; init; }

    /// <summary>What becomes of an event whose type nobody maps.</summary>
    public UnknownEventPolicy UnknownEvents { get; init; }

    /// <summary>What the lane is at, for those who look from outside.</summary>
    public LaneWatch Watch { get; }

    /// <summary>Events by type and outcome, for the metrics.</summary>
    public EventCounts Counts { get; } = new();

    /// <summary>Why the lane waits for somebody to act; null: it does not.</summary>
    public string? Halted { get; set; }

    /// <summary>A handler that does not end keeps the old view, and what it knows is not taken over.</summary>
    public void RenewView() => View = NewView();

    /// <summary>As <see cref="RenewView"/>; the batch begins again.</summary>
    public void AbandonView()
    {
        RenewView();
        Batch.Unsend(0, Batch.Count);
        foreach (ref var item in Batch.Items) item.Wrote = false;
        Batch.RestartFrom(0, revive: false);
    }

    /// <summary>How often the event that begins the next part was tried already.</summary>
    public int TriedBefore { get; set; }

    /// <summary>Events from <paramref name="index"/> on are handled again.</summary>
    public void RestartFrom(int index, bool revive)
    {
        View.Unstage(Batch, index, Batch.Count - 1);
        Batch.RestartFrom(index, revive);
    }

    private StagedView NewView() => new(Store, Engine.Serializer, new BrookView(Store, Engine));
}
