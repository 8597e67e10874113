using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.RabbitMq;

/// <summary>Every message this package logs. No payloads and no keys.</summary>
internal static partial class Log
{
    [LoggerMessage(301, LogLevel.Information, "Brook '{Instance}': this node has {Mine} of {Lanes} lanes of stream '{Stream}' and there are {Nodes} nodes; it hands {Surplus} back.", EventName = "HandsBack")]
    public static partial void HandsBack(ILogger logger, string instance, string stream, int mine, int lanes, int nodes, int surplus);

    [LoggerMessage(302, LogLevel.Warning, "Brook '{Instance}': the nodes of stream '{Stream}' cannot be counted, so lanes stay where they are; it is tried again.", EventName = "SpreadFails")]
    public static partial void SpreadFails(ILogger logger, string instance, string stream, Exception error);

    [LoggerMessage(303, LogLevel.Error, "Lane {Lane} cannot be read from its channel, which is closed now; the endpoint opens another. Nothing is lost: what was not acknowledged comes again.", EventName = "ReaderFails")]
    public static partial void ReaderFails(ILogger logger, string lane, Exception error);
}
