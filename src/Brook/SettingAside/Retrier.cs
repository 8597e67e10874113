using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// Works on the rows that one lane has set aside, in any process: the path of an event, from the rows to one commit that takes the rows away and changes the view. Several processes may
/// do so at once, and the lane goes on meanwhile: whose commit finds a row changed begins again. Thread safe: one piece of work at a time.
/// </summary>
internal sealed class Retrier : IAsyncDisposable
{
    private readonly LaneContext _context;
    private readonly RetriedRows _rows;
    private readonly RetryGuard _guard;
    private readonly Decoder _decoder;
    private readonly Folder _folder;
    private readonly HandlerRunner _handlers;
    private readonly Committer _committer;
    private readonly Announcer _announcer;
    private readonly Outbox _outbox;
    private static readonly TimeSpan s_graceAtStop = TimeSpan.FromSeconds(5);
    private readonly SemaphoreSlim _working = new(1);           // it has no handle: late callers may still use it
    private bool _interrupted;

    public Retrier(BrookEngine engine, string lane)
    {
        _context = new LaneContext(engine, lane) { MaxAttempts = 1, UnknownEvents = UnknownEventPolicy.Park };  // its retries are its attempts; what nobody knows is not to vanish
        _context.Parked = _rows = new RetriedRows(_context);
        _guard = new RetryGuard(_context);
        var failures = new Failures(_context);
        _decoder = new Decoder(_context);
        _folder = new Folder(_context, failures);
        _handlers = new HandlerRunner(_context, _folder, failures, mayCut: false);
        _outbox = new Outbox(_context, "r");
        _committer = new Committer(_context, _guard, failures, _rows, _outbox);
        _announcer = new Announcer(_context);
    }

    /// <summary>Tries rows until none is left but those that failed and what stands behind them; rows that the lane adds behind them meanwhile too.</summary>
    /// <param name="look">The rows there are now, in order: of each key all, or the first ones. It is told the version of the lane's entry in <c>$parking</c>, which was read before and which every
    /// commit checks: what was known of rows while that was another one is not to be relied on. Asked again until it gives nothing new.</param>
    /// <param name="named">The row that somebody has named: it is tried whatever is in doubt.</param>
    /// <param name="tally">What becomes of them.</param>
    /// <param name="cancellation">Ends it between two commits, or leaves one in doubt. The engine's end does as well.</param>
    public async ValueTask RetryAsync(Func<RetryTally, long, ValueTask<List<HeldRow>>> look, string? named, RetryTally tally, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _context.Engine.Ending);
        var cancellationToken = either.Token;
        await _working.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await BeginAsync(cancellationToken).ConfigureAwait(false);
            while ((await look(tally, _guard.Parking).ConfigureAwait(false)).FindAll(row => !tally.IsOver(row.RowId, row.Holds)) is { Count: > 0 } rows)
            {
                for (var moved = false; !moved && rows.Count > 0;)
                {
                    var part = await ReadPartAsync(rows, named, tally, cancellationToken).ConfigureAwait(false);
                    if (part.Count > 0) moved = !await ApplyAsync(part, tally, cancellationToken).ConfigureAwait(false);
                    rows.RemoveAll(row => tally.IsOver(row.RowId, row.Holds));
                }
            }
            if (tally.FoundGone)                                // a retry whose answer was lost, or who ended before it sent
                await (_context.Engine.LaneOf(_context.Name)?.Outbox ?? _outbox).LoadAsync(cancellationToken).ConfigureAwait(false);
            _interrupted = false;
        }
        finally
        {
            _context.View.Discard();                            // nothing is kept: the lane writes meanwhile
            _working.Release();
        }
    }

    /// <summary>Changes a row that was found, or removes it (null), by hand; gives it as it was and as it is.</summary>
    /// <exception cref="BrookException">There is none, or it was replaced while this went on.</exception>
    public async ValueTask<(ParkedEvent Was, ParkedEvent? Is)> ChangeAsync(ParkedEvent found, Func<ParkedEvent, ParkedEvent?> change, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _context.Engine.Ending);
        var cancellationToken = either.Token;
        await _working.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await BeginAsync(cancellationToken).ConfigureAwait(false);
            var rowId = found.RowId;
            for (var seen = found; ;)
            {
                var entry = (await _context.Store.ReadAsync(new[] { ParkedRow.EntryOf(rowId) }, cancellationToken).ConfigureAwait(false))[0];
                if (entry.IsMissing) throw ParkedEvents.NoRow(rowId, _context.Engine);
                var row = ParkedRow.Read(rowId, in entry);
                if (!row.Event.Span.SequenceEqual(seen.Event.Span) || row.IsReleased != seen.IsReleased)
                    throw new BrookException($"Row '{rowId}' was replaced or released by somebody else meanwhile, so nothing was changed. Look at it again (GetAsync).");
                seen = row;
                var changed = change(row);
                var value = new System.Buffers.ArrayBufferWriter<byte>();
                if (changed is not null) ParkedRow.Write(value, changed);
                if (!await _guard.ChangeAsync(new CommitEntry(ParkedRow.EntryOf(rowId), changed is null ? EntryAction.Delete : EntryAction.Put, row.Version, value.WrittenMemory), cancellationToken).ConfigureAwait(false))
                {
                    await _guard.OpenAsync(claim: false, cancellationToken).ConfigureAwait(false);
                    continue;
                }
                changed = changed is null ? null : changed with { Version = _guard.Changed };
                if (_context.Engine.LaneOf(_context.Name)?.Held is { } held)
                {
                    if (changed is null) held.Remove(rowId);
                    else held.Set(HeldRow.Of(changed, _context.Options));
                    _context.Engine.LaneOf(_context.Name)?.WakeRetries();
                }
                _interrupted = false;
                return (row, changed);
            }
        }
        finally
        {
            _working.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _working.WaitAsync(s_graceAtStop).ConfigureAwait(false);      // a handler that does not return is left behind
        await _outbox.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>What was cut short may have landed, with events in the outbox; and a handler may have been cut off, and not know it.</summary>
    private async ValueTask BeginAsync(CancellationToken cancellationToken)
    {
        if (_interrupted)
        {
            _context.RenewView();
            await _outbox.LoadAsync(cancellationToken).ConfigureAwait(false);
        }
        _interrupted = true;
        await _guard.OpenAsync(claim: false, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The next rows to be committed together. Those that are gone, or must not be tried now, are over.</summary>
    private async ValueTask<List<ParkedEvent>> ReadPartAsync(List<HeldRow> rows, string? named, RetryTally tally, CancellationToken cancellationToken)
    {
        var (part, bytes) = (new List<ParkedEvent>(), 0);
        var asked = rows.Take(_context.Options.BatchEvents).Select(row => row.RowId).ToList();
        var read = 0;
        await foreach (var row in ParkedScan.ReadAsync(_context.Store, asked, cancellationToken).ConfigureAwait(false))
        {
            while (asked[read] != row.RowId) Gone(asked[read++]);
            read++;
            if (row.Rule == RetryRule.Unreadable || (row.Rule == RetryRule.InDoubt && row.RowId != named)) tally.Failed(row);
            if (tally.IsOver(row.RowId, row.Holds)) continue;
            var alone = row.Holds is null && EnvelopeOf(row).Key is not null;           // it must not hold up others of its key, nor they it
            if (part.Count > 0 && (alone || bytes + row.Event.Length > _context.Options.BatchBytes)) return part;
            part.Add(row);
            bytes += row.Event.Length;
            if (alone) return part;
        }
        while (read < asked.Count) Gone(asked[read++]);
        return part;

        void Gone(string rowId)
        {
            tally.Gone(rowId);
            _context.Engine.LaneOf(_context.Name)?.Held.Remove(rowId);
        }
    }

    /// <summary>The path of an event that was set aside. False: somebody else works on these rows.</summary>
    private async ValueTask<bool> ApplyAsync(List<ParkedEvent> rows, RetryTally tally, CancellationToken cancellationToken)
    {
        _decoder.Decode(rows.ConvertAll(EnvelopeOf).ToArray(), default);
        var batch = _context.Batch;
        for (var i = 0; i < batch.Count; i++) batch[i].TriedBefore = rows[i].Attempts;
        _rows.Start(rows);
        BatchOutcome? outcome;
        do
        {
            await _handlers.HandleAsync(cancellationToken).ConfigureAwait(false);
            await _folder.FoldAsync(cancellationToken).ConfigureAwait(false);
            outcome = await _committer.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        while (outcome is null);
        if (outcome != BatchOutcome.Committed) return false;
        var applied = 0;
        foreach (var row in _rows.Failed) tally.Failed(row);
        for (var i = 0; i < batch.Count; i++)                   // a handler that hangs has cut the others off: they come again
        {
            if (batch[i].IsSetAside && tally.IsOver(rows[i].RowId, rows[i].Holds)) continue;
            tally.Applied(rows[i]);
            applied++;
        }
        Telemetry.Retried(_context.Engine.DisplayName, applied, _rows.Failed.Count);
        await _announcer.AnnounceAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static EventEnvelope EnvelopeOf(ParkedEvent row)
    {
        var envelope = EventEnvelope.Read(row.Event, row.Position, row.SentAt != default ? row.SentAt : row.Since);
        return envelope with { Key = row.Key ?? envelope.Key, Id = envelope.Id == default ? row.Id : envelope.Id };
    }
}
