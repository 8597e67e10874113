namespace Brook;

/// <summary>Turns any event into changes: Brook's own shape, to be written with pattern matching. Pure: it may be called again for the same event and must not block. One object serves all calls.</summary>
public interface IBrookHandler
{
    /// <summary>What the event changes. An exception fails this event alone (see <see cref="BrookOptions.HandlerAttempts"/>).</summary>
    Changes Handle(BrookEvent e);
}

/// <summary>Turns events with data <typeparamref name="T"/> into changes. One class may implement several. Pure: it may be called again for the same event and must not block. One object serves all calls.</summary>
public interface IBrookHandler<T>
{
    /// <summary>What the event changes. An exception fails this event alone (see <see cref="BrookOptions.HandlerAttempts"/>).</summary>
    Changes Handle(BrookEvent<T> e);
}

/// <summary>As <see cref="IBrookHandler{T}"/>, for a handler that must read the view or call a service first. Made by the container in a scope of its own for each event.</summary>
public interface IAsyncBrookHandler<T>
{
    /// <summary>What the event changes. Called again after a conflict or a failure; the view changes once all the same.</summary>
    /// <param name="e">The event.</param>
    /// <param name="context">The view as the event finds it. Valid until the returned task ends.</param>
    /// <param name="cancellationToken">Cancelled when the host stops or after <see cref="BrookOptions.HandlerTimeout"/>.</param>
    ValueTask<Changes> HandleAsync(BrookEvent<T> e, HandlerContext context, CancellationToken cancellationToken);
}
