namespace Brook;

/// <summary>When an event that was set aside may be tried again.</summary>
internal enum RetryRule : byte
{
    /// <summary>By itself, and whenever somebody asks.</summary>
    Automatic,

    /// <summary>When somebody asks: its exception is one that <see cref="BrookBuilder.SetAsideAtOnce{TException}"/> names.</summary>
    ByHand,

    /// <summary>When somebody asks for this very row: nobody can tell whether it was applied.</summary>
    InDoubt,

    /// <summary>Not before it is replaced: what came is no event.</summary>
    Unreadable,
}
