namespace Brook.TestServers;

/// <summary>How a <see cref="RabbitMqServer"/> is configured.</summary>
public sealed record RabbitMqServerOptions
{
    /// <summary>More lines of rabbitmq.conf, which win over the others: "consumer_timeout = 5000", "vm_memory_high_watermark.absolute = 64MB".</summary>
    public IReadOnlyList<string> Configuration { get; init; } = [];

    /// <summary>Another program than the rabbitmq-server that was found. Its rabbitmqctl has to be beside it.</summary>
    public string? Executable { get; init; }
}
