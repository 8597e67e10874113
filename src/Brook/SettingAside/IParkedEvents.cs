namespace Brook;

/// <summary>The events an instance has set aside: failed ones, and those that stand behind them under their key. Thread safe.</summary>
public interface IParkedEvents
{
    /// <summary>Lists them, in order within a lane; of one key or of all.</summary>
    /// <exception cref="BrookException">The store fails.</exception>
    IAsyncEnumerable<ParkedEvent> ListAsync(string? key = null, CancellationToken cancellationToken = default);

    /// <summary>How many there are.</summary>
    /// <exception cref="BrookException">The store fails.</exception>
    ValueTask<long> CountAsync(CancellationToken cancellationToken = default);
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

    /// <summary>It did not fail itself: it stands behind a failed event of its key.</summary>
    public bool StandsBehind { get; init; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; init; }

    /// <summary>When it was set aside.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>The event exactly as it came: JSON in UTF-8, or whatever bytes could not be read.</summary>
    public ReadOnlyMemory<byte> Event { get; init; }
}
