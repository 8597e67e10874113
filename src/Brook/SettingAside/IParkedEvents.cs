namespace Brook;

/// <summary>
/// The events an instance has set aside: failed ones, and those that stand behind them under their key. Any process with the instance's handlers may work
/// on them, also on those of a lane that another process holds, and several at once. Thread safe. Each call may throw a <see cref="BrookException"/> when the
/// store fails; while events are handled a store that goes away is waited for. A call that is cancelled has changed all of an event or nothing: list again.
/// </summary>
public interface IParkedEvents
{
    /// <summary>Lists them, in order within a lane; of one key, of one lane (<see cref="EventPosition.Lane"/>), or all. What is written meanwhile may or may not be seen.</summary>
    IAsyncEnumerable<ParkedEvent> ListAsync(string? key = null, string? lane = null, CancellationToken cancellationToken = default);

    /// <summary>The row; null when there is none (any more).</summary>
    ValueTask<ParkedEvent?> GetAsync(string rowId, CancellationToken cancellationToken = default);

    /// <summary>How many there are.</summary>
    ValueTask<long> CountAsync(CancellationToken cancellationToken = default);

    /// <summary>Tries the events of one key, in order, up to the first that fails again. When all are applied the key is released: its later events are applied as they come.</summary>
    /// <exception cref="BrookException">Nothing is set aside under that key.</exception>
    ValueTask<RetryResult> RetryAsync(string key, CancellationToken cancellationToken = default);

    /// <summary>Tries one event. Where it holds a key, the others of that key are tried as well, in order.</summary>
    /// <exception cref="BrookException">There is no such row.</exception>
    ValueTask<RetryResult> RetryRowAsync(string rowId, CancellationToken cancellationToken = default);

    /// <summary>Tries all that is set aside now, in order within a lane; an event that fails holds up its key only. Events of which nobody can tell whether they were applied are left out: name their rows.</summary>
    ValueTask<RetryResult> RetryAllAsync(CancellationToken cancellationToken = default);

    /// <summary>Gives an event up: its row is removed, the log says so, and it stays known, so that it is not applied when it comes again. When it was the first of its key, those behind it are tried.</summary>
    /// <exception cref="BrookException">There is no such row, or it was replaced meanwhile.</exception>
    ValueTask<RetryResult> SkipAsync(string rowId, CancellationToken cancellationToken = default);

    /// <summary>Lets the later events of a key go on without this one, which stays, as an event without a key does: it can still be tried, out of its order. When it was the first of its key, those behind it are tried.</summary>
    /// <exception cref="BrookException">There is no such row, it was replaced meanwhile, or it holds no key.</exception>
    ValueTask<RetryResult> ReleaseAsync(string rowId, CancellationToken cancellationToken = default);

    /// <summary>Replaces the data of an event, and tries it when it is the first of its key. Type, id, key, time and headers stay.</summary>
    /// <param name="rowId">The row.</param>
    /// <param name="data">The new data, which must be what the event type is mapped to; a <see cref="System.Text.Json.JsonElement"/> is taken as it is.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="BrookException">There is no such row, it was replaced meanwhile, the event could not be read, or the data does not fit. Nothing was written then.</exception>
    ValueTask<RetryResult> ReplaceAsync<T>(string rowId, T data, CancellationToken cancellationToken = default);

    /// <summary>Replaces a whole event, as <see cref="ReplaceAsync"/>: for one that could not be read.</summary>
    /// <param name="rowId">The row.</param>
    /// <param name="record">The event as Brook's JSON (docs/wire-contract.md). It keeps the row's key and id, where the row has them.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="BrookException">There is no such row, it was replaced meanwhile, or the record is not that event. Nothing was written then.</exception>
    ValueTask<RetryResult> ReplaceRecordAsync(string rowId, ReadOnlyMemory<byte> record, CancellationToken cancellationToken = default);
}

/// <summary>An event that was set aside.</summary>
public sealed record ParkedEvent
{
    /// <summary>Names the row: lane and number.</summary>
    public required string RowId { get; init; }

    /// <summary>Where the event stood in its source.</summary>
    public required EventPosition Position { get; init; }

    /// <summary>The event's type; empty when it could not be read.</summary>
    public required string Type { get; init; }

    /// <summary>The event's id; empty when it could not be read or had none.</summary>
    public Guid Id { get; init; }

    /// <summary>What later events stand behind it; null: none do.</summary>
    public string? Key { get; init; }

    /// <summary>Why: what happened and what to do.</summary>
    public required string Error { get; init; }

    /// <summary>The exception's type; null when the event only stands behind another.</summary>
    public string? ErrorType { get; init; }

    /// <summary>It has not failed itself: it stands behind a failed event of its key, or did when it came.</summary>
    public bool StandsBehind { get; init; }

    /// <summary>How often it was tried in all.</summary>
    public int Attempts { get; init; }

    /// <summary>When it was set aside.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>How often it was tried since then; the automatic retry's pause doubles with it.</summary>
    public int Retries { get; init; }

    /// <summary>When it was tried last since then; null: not yet.</summary>
    public DateTimeOffset? LastRetry { get; init; }

    /// <summary>Its key goes on without it (<see cref="IParkedEvents.ReleaseAsync"/>).</summary>
    public bool IsReleased { get; init; }

    /// <summary>The event exactly as it came: JSON in UTF-8, or whatever bytes could not be read.</summary>
    public ReadOnlyMemory<byte> Event { get; init; }

    internal RetryRule Rule { get; init; }

    /// <summary>When it was sent, as its transport said; default: not known. Whether it is a replay rests on it.</summary>
    internal DateTimeOffset SentAt { get; init; }

    /// <summary>Of the row in the store.</summary>
    internal long Version { get; init; }

    /// <summary>The key it holds up.</summary>
    internal string? Holds => IsReleased ? null : Key;
}
