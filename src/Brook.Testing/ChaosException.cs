namespace Brook.Testing;

/// <summary>Chaos found a failing sequence. The message shows the shortest one found: the events, what happened, what was expected and found, and the call that runs just that again.</summary>
public sealed class ChaosException : Exception
{
    /// <summary>An exception without a message.</summary>
    public ChaosException() { }

    /// <summary>An exception that shows the failing sequence.</summary>
    public ChaosException(string message) : base(message) { }

    /// <summary>An exception that shows the failing sequence, with its cause.</summary>
    public ChaosException(string message, Exception? innerException) : base(message, innerException) { }
}
