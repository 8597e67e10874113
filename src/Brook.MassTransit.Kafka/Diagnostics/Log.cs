using Brook.Lanes;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.Kafka;

/// <summary>Every message this package logs. No payloads, no keys, nothing of the configuration.</summary>
internal static partial class Log
{
    [LoggerMessage(401, LogLevel.Information, "Brook '{Instance}': group {Group} has given this process {Count} partition(s).", EventName = "Assigned")]
    public static partial void Assigned(ILogger logger, string instance, string group, int count);

    [LoggerMessage(402, LogLevel.Information, "Brook '{Instance}': partition {Lane} is another process's from now on.", EventName = "Revoked")]
    public static partial void Revoked(ILogger logger, string instance, string lane);

    [LoggerMessage(403, LogLevel.Warning, "Brook '{Instance}': the Kafka consumer reports: {Reason}. It goes on.", EventName = "ReaderFails")]
    public static partial void ReaderFails(ILogger logger, string instance, string reason, Exception? error);

    [LoggerMessage(404, LogLevel.Error, "Brook '{Instance}': the Kafka consumer has given up for good, or cannot be relied on. A new one takes over in 5 s; positions are with the view.", EventName = "ReaderRebuilt")]
    public static partial void ReaderRebuilt(ILogger logger, string instance);

    [LoggerMessage(405, LogLevel.Warning, "Brook '{Instance}': lane {Lane} fails in a way that no event is to blame for (attempt {Attempt}). It is tried again every second; nothing is lost.", EventName = "LaneFails")]
    public static partial void LaneFails(ILogger logger, string instance, string lane, int attempt, Exception error);

    [LoggerMessage(407, LogLevel.Warning, "Brook '{Instance}': lane {Lane} leaves the batch at hand ({Outcome}); the view stands at offset {Next}. Another process has claimed it, or the store went back to an older copy: records from there on are read again.", EventName = "LaneLeft")]
    public static partial void LaneLeft(ILogger logger, string instance, string lane, BatchOutcome outcome, long next);

    [LoggerMessage(408, LogLevel.Error, "Brook '{Instance}': lane {Lane} stands still: {Reason}.", EventName = "LaneHalted")]
    public static partial void LaneHalted(ILogger logger, string instance, string lane, string reason);

    [LoggerMessage(409, LogLevel.Warning, "Brook '{Instance}': {Lane} has records without a value (tombstones); they are counted and passed over. Name an event type for them with kafka.Topic(name, tombstoneType: ...).", EventName = "Tombstone")]
    public static partial void Tombstone(ILogger logger, string instance, string lane);

    [LoggerMessage(410, LogLevel.Warning, "Brook '{Instance}': Kafka: {Problem}.", EventName = "BrokerLost")]
    public static partial void BrokerLost(ILogger logger, string instance, string problem);

    [LoggerMessage(411, LogLevel.Information, "Brook '{Instance}': Kafka answers.", EventName = "BrokerBack")]
    public static partial void BrokerBack(ILogger logger, string instance);

    [LoggerMessage(412, LogLevel.Error, "Brook '{Instance}': the Kafka producer has given up for good ({Reason}). A new one takes over; events it had under way are reported to their senders.", EventName = "SenderRebuilt")]
    public static partial void SenderRebuilt(ILogger logger, string instance, string reason);

    [LoggerMessage(413, LogLevel.Warning, "Brook '{Instance}': what nodes tell each other of applied events fails: {Reason}.", EventName = "ForwardFails")]
    public static partial void ForwardFails(ILogger logger, string instance, string reason);

    [LoggerMessage(414, LogLevel.Error, "Brook '{Instance}': the bus stopped with {Count} event(s) under way to Kafka; their senders are told that they may have been sent.", EventName = "LeftUnderWay")]
    public static partial void LeftUnderWay(ILogger logger, string instance, int count);

    /// <summary>What the native client says, at its own level.</summary>
    public static void Client(ILogger logger, LogMessage message)
    {
        var level = (LogLevel)message.LevelAs(LogLevelType.MicrosoftExtensionsLogging);
        if (logger.IsEnabled(level)) ClientSays(logger, level, message.Facility, message.Message);
    }

    [LoggerMessage(EventId = 415, Message = "librdkafka {Facility}: {Message}", EventName = "Client")]
    private static partial void ClientSays(ILogger logger, LogLevel level, string facility, string message);

    [LoggerMessage(416, LogLevel.Warning, "Brook '{Instance}': records of Kafka are taken one by one, which costs twice the time: {WhyNot}.", EventName = "OneByOne")]
    public static partial void OneByOne(ILogger logger, string instance, string whyNot);
}
