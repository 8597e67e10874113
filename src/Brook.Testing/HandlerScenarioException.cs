namespace Brook.Testing;

/// <summary>A scenario did not end as expected. The message lists every expectation that does not hold: what was expected and what was found, as JSON.</summary>
public sealed class HandlerScenarioException : Exception
{
    /// <summary>An exception without a message.</summary>
    public HandlerScenarioException() { }

    /// <summary>An exception that says what was expected and what was found.</summary>
    public HandlerScenarioException(string message) : base(message) { }

    /// <summary>An exception that says what was expected and what was found, with its cause.</summary>
    public HandlerScenarioException(string message, Exception? innerException) : base(message, innerException) { }
}
