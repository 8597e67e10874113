namespace Brook;

/// <summary>
/// The exception Brook itself throws, and the one a store throws when it fails. The message says what happened, the value seen and what to do.
/// </summary>
public class BrookException : Exception
{
    /// <summary>An exception without a message.</summary>
    public BrookException() { }

    /// <summary>An exception that says what happened and what to do.</summary>
    public BrookException(string message) : base(message) { }

    /// <summary>An exception that says what happened and what to do, with its cause.</summary>
    public BrookException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>True when the same call may succeed later (connection lost, failover, busy): the engine waits and asks again. Default: false.</summary>
    public bool IsTransient { get; init; }
}

/// <summary>A lane was read from another source of its name.</summary>
internal sealed class SourceChangedException(string message) : BrookException(message);
