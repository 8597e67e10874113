namespace Brook.Testing;

/// <summary>A store breaks the contract. The message says in which case, what was looked at, what was expected and what was found.</summary>
public sealed class ViewStoreContractException : Exception
{
    /// <summary>An exception without a message.</summary>
    public ViewStoreContractException() { }

    /// <summary>An exception that says what was expected and what was found.</summary>
    public ViewStoreContractException(string message) : base(message) { }

    /// <summary>An exception that says what was expected and what was found, with its cause.</summary>
    public ViewStoreContractException(string message, Exception? innerException) : base(message, innerException) { }
}
