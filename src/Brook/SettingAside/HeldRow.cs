namespace Brook;

/// <summary>What a lane keeps in mind of a row: all but the event.</summary>
/// <param name="RowId">Names the row.</param>
/// <param name="Key">The event's key.</param>
/// <param name="Holds">The key it holds up; null: none.</param>
/// <param name="Position">Where the event stood.</param>
/// <param name="EventId">The event's id; empty: none.</param>
/// <param name="Version">The row's, when it was seen.</param>
/// <param name="Due">When it is tried again by itself; null: not.</param>
internal readonly record struct HeldRow(string RowId, string? Key, string? Holds, EventPosition Position, Guid EventId, long Version, DateTimeOffset? Due)
{
    public static HeldRow Of(ParkedEvent row, BrookOptions options) => new(row.RowId, row.Key, row.Holds, row.Position, row.Id, row.Version, DueOf(row, options));

    private static DateTimeOffset? DueOf(ParkedEvent row, BrookOptions options) => options.ParkedRetryDelay == TimeSpan.Zero || row.Rule != RetryRule.Automatic
        ? null
        : (row.LastRetry ?? row.Since) + Backoff.After(row.Retries + 1, options.ParkedRetryDelay, options.ParkedRetryMaxDelay);
}
