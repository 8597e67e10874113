namespace Brook;

/// <summary>What an asynchronous handler may ask. Valid until its task ends; a later use throws <see cref="ObjectDisposedException"/>. Not thread safe.</summary>
public sealed class HandlerContext
{
    private readonly HandlerView _view;

    internal HandlerContext(string instance, int attempt, bool isReplay, IBrookView view) => (Instance, Attempt, IsReplay, _view) = (instance, attempt, isReplay, new HandlerView(view));

    /// <summary>The name of the Brook instance; empty for the default one.</summary>
    public string Instance { get; }

    /// <summary>1 the first time; more after a failure or a conflict.</summary>
    public int Attempt { get; }

    /// <summary>The event was handled before, for another view (<see cref="BrookOptions.ReplayUntil"/>): a handler that calls a service does not call it again.</summary>
    public bool IsReplay { get; }

    /// <summary>
    /// The view with the changes staged before this handler over what is stored. Keys read are checked again at the commit, and the handler runs
    /// again when one has changed. GetAll, GetPage and Count see staged changes too, but are not checked; GetEvents shows the stored log only.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The handler's task has ended or timed out.</exception>
    public IBrookView View
    {
        get
        {
            _view.ThrowIfOver();
            return _view;
        }
    }

    internal void End() => _view.End();
}
