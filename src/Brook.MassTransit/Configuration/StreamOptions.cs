using System.Globalization;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>What an instance reads and sends to, as the setup's verbs leave it.</summary>
internal sealed class StreamOptions(string instance)
{
    public const int MaxPartitions = 1024;

    /// <summary>The instance's name in queues and exchanges.</summary>
    public string Instance { get; } = instance.Length == 0 ? "brook" : instance;

    /// <summary>The stream; by default called as the instance.</summary>
    public string Stream { get; set; } = instance.Length == 0 ? "brook" : instance;

    /// <summary>One partition is total order.</summary>
    public int Partitions { get; set; } = 1;

    public bool Forwards { get; set; }

    /// <summary>Brings the stream from elsewhere; null: it is on the bus.</summary>
    public Func<StreamDriving, IStreamDriver>? Driver { get; set; }

    /// <summary>Names this process among the instance's nodes.</summary>
    public string Node { get; set; } = Guid.NewGuid().ToString("N")[..12];

    /// <summary>Ordinary messages to take as events.</summary>
    public List<IMessageSubscription> Messages { get; } = [];

    /// <exception cref="BrookException">The setup is not valid.</exception>
    public void Validate(bool isSendOnly)
    {
        if (isSendOnly && (Forwards || Messages.Exists(message => !message.IsInbox)))
            throw new BrookException($"Brook instance '{Instance}' is SendOnly() but consumes messages or forwards events, which it would never do. Remove one or the other.");
        if (Messages.GroupBy(MessageQueue).FirstOrDefault(queue => queue.Count() > 1) is { } twice)
            throw new BrookException($"Brook instance '{Instance}' consumes {string.Join(" and ", twice.Select(message => message.MessageType.FullName))}, which would share the queue '{twice.Key}'. Consume each message type once, or feed one with BrookConsumer<T> on an endpoint of your own.");
        CheckName(Instance, "instance");
        CheckName(Stream, "stream");
        CheckName(Node, "node");
        if (Partitions is < 1 or > MaxPartitions)
            throw new BrookException(string.Create(CultureInfo.InvariantCulture, $"Stream '{Stream}' has {Partitions} partitions; there must be 1 to {MaxPartitions}."));
    }

    /// <summary>The endpoint of an ordinary message.</summary>
    public string MessageQueue(IMessageSubscription message) => $"{Instance}.{KebabCaseEndpointNameFormatter.Instance.SanitizeName(message.MessageType.Name)}{(message.IsInbox ? ".inbox" : "")}";

    private static void CheckName(string name, string what)
    {
        if (name.Length is 0 or > 100 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            throw new BrookException($"The {what} name '{name}' cannot be part of a queue's name. Use 1 to 100 letters, digits, '-', '_' and '.'.");
    }
}

/// <summary>An ordinary message type that the instance takes as an event.</summary>
internal interface IMessageSubscription
{
    Type MessageType { get; }

    /// <summary>It is sent on to the stream, not applied where it comes in.</summary>
    bool IsInbox { get; }

    /// <summary>Adds its consumer to an endpoint.</summary>
    void Configure(IReceiveEndpointConfigurator endpoint, BusBrook brook);
}
