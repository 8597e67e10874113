using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>Every message this package logs. No payloads and no keys.</summary>
internal static partial class Log
{
    [LoggerMessage(101, LogLevel.Information, "Brook '{Instance}' reads stream '{Stream}' ({Partitions} partition(s)) on {Address}.", EventName = "LanesConnected")]
    public static partial void LanesConnected(ILogger logger, string instance, string stream, int partitions, Uri address);

    [LoggerMessage(102, LogLevel.Error, "Brook '{Instance}': message {Message} on {Queue} cannot be read and was moved to {ErrorQueue}: {Reason}", EventName = "Undecodable")]
    public static partial void Undecodable(ILogger logger, string instance, Guid? message, string queue, string errorQueue, string reason);

    [LoggerMessage(103, LogLevel.Warning, "Brook '{Instance}': lane {Lane} was claimed by another owner ({Outcome}). What is at hand is not acknowledged; its owner takes it.", EventName = "LaneLost")]
    public static partial void LaneLost(ILogger logger, string instance, string lane, Lanes.BatchOutcome outcome);

    [LoggerMessage(106, LogLevel.Error, "Brook '{Instance}': lane {Lane} fails in a way that no event is to blame for (attempt {Attempt}). Its message is kept and tried again every second; nothing is lost.", EventName = "LaneFails")]
    public static partial void LaneFails(ILogger logger, string instance, string lane, int attempt, Exception error);

    [LoggerMessage(104, LogLevel.Information, "Brook '{Instance}': the bus stops; {Count} event(s) in this process are handled first, {Timeout} at most.", EventName = "Draining")]
    public static partial void Draining(ILogger logger, string instance, long count, TimeSpan timeout);

    [LoggerMessage(105, LogLevel.Error, "Brook '{Instance}': the bus stopped with {Unhandled} event(s) of stream '{Stream}' not handled, {InOutbox} in the outbox and {Messages} ordinary message(s) at work, with whatever waits behind them. The queue ends with the process: those are lost unless their sender sends them again. {Halted}", EventName = "LeftBehind")]
    public static partial void LeftBehind(ILogger logger, string instance, string stream, long unhandled, long inOutbox, long messages, string halted);

    [LoggerMessage(107, LogLevel.Warning, "Brook '{Instance}': sending to {Lane} fails (attempt {Attempt}). Whether the transport has the message is not known, so the same is sent again until it does; callers wait.", EventName = "SendFails")]
    public static partial void SendFails(ILogger logger, string instance, string lane, int attempt, Exception error);

    [LoggerMessage(108, LogLevel.Information, "Brook '{Instance}': sending to {Lane} works again after {Attempts} attempts.", EventName = "SendBack")]
    public static partial void SendBack(ILogger logger, string instance, string lane, int attempts);

    [LoggerMessage(109, LogLevel.Error, "Brook '{Instance}': the bus stopped before its inboxes were empty. Their queues end with the process: what waits there is lost unless its sender sends it again.", EventName = "InboxLeftBehind")]
    public static partial void InboxLeftBehind(ILogger logger, string instance);
}
