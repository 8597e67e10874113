using Microsoft.Extensions.Logging;

namespace Brook;

/// <summary>Every message this package logs. No payloads and no keys in the texts: they may be personal data, and positions name an event well enough. An exception logged with them may quote a key.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Warning, "Brook '{Instance}': attempt {Attempt} of {Attempts} on '{Type}' at {Position} failed ({Error}); it is tried again.", EventName = "AttemptFailed")]
    public static partial void AttemptFailed(ILogger logger, string instance, string type, EventPosition position, int attempt, int attempts, string error);

    [LoggerMessage(2, LogLevel.Error, "Brook '{Instance}': '{Type}' at {Position} failed {Attempts} time(s) and was set aside; later events of its key wait behind it (IParkedEvents lists them).", EventName = "SetAside")]
    public static partial void SetAside(ILogger logger, string instance, string type, EventPosition position, int attempts, Exception? error);

    [LoggerMessage(3, LogLevel.Warning, "Lane {Lane} waits: the store is away (attempt {Attempt}). Nothing is lost; it goes on when the store is back.", EventName = "StoreAway")]
    public static partial void StoreAway(ILogger logger, string lane, int attempt, Exception error);

    [LoggerMessage(4, LogLevel.Error, "Lane {Lane} waits: the store refuses (attempt {Attempt}). Nothing is lost, but somebody must act; it goes on when the store accepts.", EventName = "StoreFails")]
    public static partial void StoreFails(ILogger logger, string lane, int attempt, Exception error);

    [LoggerMessage(5, LogLevel.Information, "Lane {Lane} goes on: the store is back.", EventName = "StoreBack")]
    public static partial void StoreBack(ILogger logger, string lane);

    [LoggerMessage(6, LogLevel.Warning, "Brook '{Instance}': events of type '{Type}' come, but nobody maps that type (policy {Policy}). Map it with brook.Event<T>(\"{Type}\"). This is said once per type.", EventName = "UnknownType")]
    public static partial void UnknownType(ILogger logger, string instance, string type, UnknownEventPolicy policy);

    [LoggerMessage(7, LogLevel.Error, "Brook '{Instance}': lane {Lane} stands still: {Reason}. Nothing is lost or acknowledged.", EventName = "LaneHalted")]
    public static partial void LaneHalted(ILogger logger, string instance, string lane, string reason);

    [LoggerMessage(8, LogLevel.Warning, "Lane {Lane}: {Count} applied event(s) could not be forwarded to other nodes; they are not told again.", EventName = "NotForwarded")]
    public static partial void NotForwarded(ILogger logger, string lane, int count, Exception error);

    [LoggerMessage(9, LogLevel.Warning, "Brook '{Instance}': a handler failed on a forwarded '{Type}'; the view is not concerned.", EventName = "ForwardedFailed")]
    public static partial void ForwardedFailed(ILogger logger, string instance, string type, Exception error);

    [LoggerMessage(10, LogLevel.Warning, "Lane {Lane}: {Count} event(s) of the outbox wait to be sent (attempt {Attempt}).", EventName = "OutboxWaits")]
    public static partial void OutboxWaits(ILogger logger, string lane, int count, int attempt, Exception error);

    [LoggerMessage(11, LogLevel.Error, "Brook '{Instance}': the host stops and {Count} sent event(s) in this process were not handled. A store that outlives the process does not help: the queue ends with it.", EventName = "LeftBehind")]
    public static partial void LeftBehind(ILogger logger, string instance, long count);

    [LoggerMessage(12, LogLevel.Error, "Lane {Lane}: the store has gone back by {Count} message(s) or offset(s): it was restored, or it lost what it had not saved. Where the transport counts offsets the lane goes back with it and loses nothing; messages that were acknowledged do not come again, and the view lacks them.", EventName = "StoreWentBack")]
    public static partial void StoreWentBack(ILogger logger, string lane, long count);

    [LoggerMessage(31, LogLevel.Error, "Brook '{Instance}': lane {Lane} has not gone on for {Still}: {What}.", EventName = "LaneStalled")]
    public static partial void LaneStalled(ILogger logger, string instance, string lane, TimeSpan still, string what);

    [LoggerMessage(32, LogLevel.Information, "Brook '{Instance}': lane {Lane} goes on.", EventName = "LaneGoesOn")]
    public static partial void LaneGoesOn(ILogger logger, string instance, string lane);

    [LoggerMessage(33, LogLevel.Warning, "Lane {Lane}: the store does not tell of changes that other nodes make, so it is read again and again while somebody waits for this lane, up to once a second; it is asked again.", EventName = "NotToldOfChanges")]
    public static partial void NotToldOfChanges(ILogger logger, string lane, Exception error);

    [LoggerMessage(20, LogLevel.Information, "Brook '{Instance}': '{Type}' at {Position}, which was set aside, is applied.", EventName = "Released")]
    public static partial void Released(ILogger logger, string instance, string type, EventPosition position);

    [LoggerMessage(21, LogLevel.Warning, "Brook '{Instance}': '{Type}' at {Position}, which was set aside, failed again ({Attempts} attempt(s) in all).", EventName = "SetAsideAgain")]
    public static partial void SetAsideAgain(ILogger logger, string instance, string type, EventPosition position, int attempts, Exception? error);

    [LoggerMessage(22, LogLevel.Warning, "Brook '{Instance}': '{Type}' at {Position}, which was set aside, was given up (SkipAsync): the view goes on without it.", EventName = "Skipped")]
    public static partial void Skipped(ILogger logger, string instance, string type, EventPosition position);

    [LoggerMessage(23, LogLevel.Warning, "Brook '{Instance}': '{Type}' at {Position}, which was set aside, was replaced by hand.", EventName = "Replaced")]
    public static partial void Replaced(ILogger logger, string instance, string type, EventPosition position);

    [LoggerMessage(24, LogLevel.Warning, "Brook '{Instance}': later events of its key no longer wait for '{Type}' at {Position}, which stays set aside (ReleaseAsync).", EventName = "KeyReleased")]
    public static partial void KeyReleased(ILogger logger, string instance, string type, EventPosition position);

    [LoggerMessage(25, LogLevel.Error, "Lane {Lane}: trying events that were set aside fails in a way that no event is to blame for; they stay, and are tried again.", EventName = "RetriesFail")]
    public static partial void RetriesFail(ILogger logger, string lane, Exception error);

    [LoggerMessage(26, LogLevel.Information, "Lane {Lane} goes on: there is room for events to be set aside.", EventName = "RoomAgain")]
    public static partial void RoomAgain(ILogger logger, string lane);
}
