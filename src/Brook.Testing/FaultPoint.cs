namespace Brook.Testing;

/// <summary>Where a call of a <see cref="FaultyViewStore"/> may fail.</summary>
public enum FaultPoint
{
    /// <summary>Starting the store.</summary>
    Start,

    /// <summary>Any read: entries, a page, a count, a log.</summary>
    Read,

    /// <summary>Before a commit reaches the store: nothing is written.</summary>
    BeforeCommit,

    /// <summary>After the store has answered a commit: it has landed (or was refused), and the answer gets lost.</summary>
    AfterCommit,
}
