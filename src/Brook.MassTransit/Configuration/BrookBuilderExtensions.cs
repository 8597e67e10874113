using Brook.MassTransit;

namespace Brook;

/// <summary>What the bus adds to an instance's setup.</summary>
public static class BrookBuilderExtensions
{
    /// <summary>The stream the instance reads and sends to. Default: called as the instance (<c>brook</c> for the default one), one partition: total order. Every service on a stream gives the same number.</summary>
    /// <param name="brook">The instance's setup.</param>
    /// <param name="name">1 to 100 letters, digits, '-', '_' and '.'.</param>
    /// <param name="partitions">1 to 1,024. Events of one key are in one partition; partitions are handled side by side.</param>
    /// <exception cref="BrookException">The instance is not on a bus. A bad name or number is reported when the instance is added.</exception>
    public static BrookBuilder Stream(this BrookBuilder brook, string name, int partitions = 1)
    {
        var options = OptionsOf(brook, nameof(Stream));
        (options.Stream, options.Partitions) = (name, partitions);
        return brook;
    }

    /// <summary>
    /// Takes an ordinary message of the bus as an event, on an endpoint of its own: existing publishers stay as they are. A message is applied once by its
    /// message id; on several nodes order holds per node only.
    /// </summary>
    /// <param name="brook">The instance's setup.</param>
    /// <param name="type">The event type; default: the message type's attribute or name in words.</param>
    /// <param name="key">The event's key; default: none. Events behind a failed one of their key wait.</param>
    /// <exception cref="BrookException">The instance is not on a bus, or another .NET type is mapped to the event type.</exception>
    public static BrookBuilder Consume<TMessage>(this BrookBuilder brook, string? type = null, Func<TMessage, string?>? key = null) where TMessage : class
    {
        brook.Event(type, key);
        OptionsOf(brook, nameof(Consume)).Messages.Add(new MessageSubscription<TMessage>());
        return brook;
    }

    /// <summary>
    /// Takes an ordinary message of the bus and sends it on to the stream, under its key: for publishers that cannot use <see cref="IBrook"/> and want order on
    /// several nodes. One node at a time reads the inbox, one message at a time. A message is acknowledged when the stream has it, and applied once by its message id;
    /// one without an id may be applied again after a crash.
    /// </summary>
    /// <param name="brook">The instance's setup; it may be <see cref="BrookBuilder.SendOnly"/>.</param>
    /// <param name="type">The event type.</param>
    /// <param name="key">The event's key, which decides its partition; default: none.</param>
    /// <exception cref="BrookException">The instance is not on a bus, or another .NET type is mapped to the event type.</exception>
    public static BrookBuilder Inbox<TMessage>(this BrookBuilder brook, string type, Func<TMessage, string?>? key = null) where TMessage : class
    {
        brook.Event(type, key);
        OptionsOf(brook, nameof(Inbox)).Messages.Add(new InboxSubscription<TMessage>(type));
        return brook;
    }

    /// <summary>Tells every other node of each applied event: their handlers run with <see cref="BrookEvent.Forwarded"/> and their changes are not kept. Off unless called. Follows Brook's dispatcher.</summary>
    /// <param name="brook">The instance's setup.</param>
    /// <param name="node">Names this process among the nodes. Default: random.</param>
    /// <exception cref="BrookException">The instance is not on a bus.</exception>
    public static BrookBuilder ForwardToAllNodes(this BrookBuilder brook, string? node = null)
    {
        var options = OptionsOf(brook, nameof(ForwardToAllNodes));
        (options.Forwards, options.Node) = (true, node ?? options.Node);
        return brook;
    }

    internal static StreamOptions OptionsOf(BrookBuilder brook, string verb)
    {
        ArgumentNullException.ThrowIfNull(brook);
        return brook.Services.LastOrDefault(service => service.ServiceType == typeof(StreamOptions) && Equals(service.ServiceKey, brook.Name))?.KeyedImplementationInstance as StreamOptions
            ?? throw new BrookException($"{verb}() needs a bus, and Brook instance '{(brook.Name.Length == 0 ? "brook" : brook.Name)}' has none. Add the instance with x.AddBrook(...) in AddMassTransit.");
    }
}
