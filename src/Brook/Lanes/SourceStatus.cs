namespace Brook.Lanes;

/// <summary>What a transport's source says when it is asked (<see cref="IBrookTransport.LookAtSourceAsync"/>). Immutable.</summary>
public sealed class SourceStatus
{
    /// <summary>The transport cannot tell.</summary>
    public static SourceStatus Unknown { get; } = new();

    /// <summary>Events can be sent, and are read where the instance reads.</summary>
    public bool IsStarted { get; init; } = true;

    /// <summary>What keeps from the source, as the end of a sentence; null: nothing.</summary>
    public string? Problem { get; init; }

    /// <summary>The lanes that there are, whoever reads them.</summary>
    public IReadOnlyList<SourceLane> Lanes { get; init; } = [];
}

/// <summary>A lane as its source has it.</summary>
/// <param name="name">The lane's name, as it is opened with.</param>
public sealed class SourceLane(string name)
{
    /// <summary>The lane's name.</summary>
    public string Name => name;

    /// <summary>This process is the one to read it; false where that is not known, and it was given nothing.</summary>
    public bool IsHere { get; init; } = true;

    /// <summary>How many events it still has, those at work included; null: not known, or <see cref="End"/> says it.</summary>
    public long? Waiting { get; init; }

    /// <summary>Where offsets are counted: the one behind the last event. Null: not known.</summary>
    public long? End { get; init; }

    /// <summary><see cref="Waiting"/> counts messages.</summary>
    public bool CountsMessages { get; init; }

    /// <summary>Why the transport holds it; null: it does not.</summary>
    public string? Halted { get; init; }
}
