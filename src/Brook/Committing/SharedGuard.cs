using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// The guard where several consumers share an endpoint, so nobody owns it: each message id is an entry that must be missing. Ids live in two generations;
/// when the current one is full the older one is dropped, and messages sent before that (the horizon) that are in neither are set aside, because nobody can
/// tell any more. The lane's entry says which generation is current; it is only checked, so that consumers do not collide.
/// </summary>
internal sealed class SharedGuard(LaneContext lane, ParkedRows parked, LaneProgress progress) : Guard(lane, progress)
{
    private const int CountEvery = 1000;
    private readonly List<(int Index, Guid Message)> _ids = [];
    private readonly List<int> _entries = [];           // commit entry -> place in _ids; -1: the lane's own
    private string _current = "", _previous = "";       // the collections of the two generations
    private LaneState _next;
    private int _sinceCount;

    public override bool KnowsParts => false;

    public override async ValueTask OpenAsync(bool claim, CancellationToken cancellationToken)
    {
        await LookAgainAsync(cancellationToken).ConfigureAwait(false);
        if (State.Generation >= 2) await Lane.Store.ClearAsync(Ids(State.Generation - 2), cancellationToken).ConfigureAwait(false);
    }

    public override async ValueTask DropAppliedAsync(CancellationToken cancellationToken)
    {
        DropCopies();
        var batch = Lane.Batch;
        for (var i = 0; i < batch.Count; i++)
        {
            var (position, sent) = (batch.Raw.Span[i].Position, batch.Raw.Span[i].SentAt);
            if (batch[i].Outcome == Outcome.Duplicate || batch[i].IsSetAside || State.Horizon == 0 || sent.ToUnixTimeMilliseconds() > State.Horizon) continue;
            var found = await Lane.Store.ReadAsync(new EntryKey[] { new(_current, position.MessageId.ToString("N")), new(_previous, position.MessageId.ToString("N")) }, cancellationToken).ConfigureAwait(false);
            if (!found[0].IsMissing || !found[1].IsMissing) Drop(i);
            else batch.Fail(i, RetryRule.InDoubt, new BrookException(string.Create(CultureInfo.InvariantCulture, $"The message was sent at {sent:O}, and ids that old are forgotten: it cannot be told whether it was applied. It is kept; check the view, and raise RememberedSharedMessages ({Lane.Options.RememberedSharedMessages}) if this happens often.")));
        }
    }

    public override bool AddTo(LaneState next)
    {
        _ids.Clear();
        _entries.Clear();
        _next = next;
        var batch = Lane.Batch;
        for (var i = 0; i < batch.Count; i++)
        {
            ref readonly var raw = ref batch.Raw.Span[i];
            if (batch[i].Outcome == Outcome.Duplicate || (_ids.Count > 0 && _ids[^1].Message == raw.Position.MessageId)) continue;
            var id = raw.Position.MessageId.ToString("N");
            batch.Arena.Begin();
            Utf8Formatter.TryFormat(raw.SentAt.ToUnixTimeMilliseconds(), batch.Arena.GetSpan(20), out var length);
            batch.Arena.Advance(length);
            batch.Commit.Add(new CommitEntry(new(_current, id), EntryAction.Put, 0, batch.Arena.End()));
            batch.Commit.Add(new CommitEntry(new(_previous, id), EntryAction.Check, 0));
            _entries.Add(_ids.Count);
            _entries.Add(_ids.Count);
            _ids.Add((i, raw.Position.MessageId));
        }
        if (_ids.Count == 0) return false;
        if (next == State) batch.Commit.Add(new CommitEntry(Self, EntryAction.Check, Version));
        else Put(next, Version);                        // rows are numbered: one writer at a time, and the others look at them again
        _entries.Add(-1);
        return true;
    }

    public override async ValueTask<BatchOutcome> ConflictAsync(EntryConflict conflict, CancellationToken cancellationToken)
    {
        if (_entries[conflict.Index] is >= 0 and var id)
        {
            for (var i = 0; i < Lane.Batch.Count; i++)
                if (Lane.Batch.Raw.Span[i].Position.MessageId == _ids[id].Message) Drop(i);
            return BatchOutcome.Committed;
        }
        await LookAgainAsync(cancellationToken).ConfigureAwait(false);
        return BatchOutcome.Committed;
    }

    public override void Committed()
    {
        if (_next != State) (Version, State) = (Lane.Batch.Commit.Version, _next);
        Lane.Parked.Committed();
        _sinceCount += _ids.Count;
    }

    public override bool IsDone(ReceiptSpan span) => false;         // ordinary messages have no receipts

    /// <summary>Begins a new generation when the current one is full. Called between batches.</summary>
    public async ValueTask RotateWhenFullAsync(CancellationToken cancellationToken)
    {
        if (_sinceCount < Math.Min(CountEvery, Lane.Options.RememberedSharedMessages)) return;
        _sinceCount = 0;
        if (await Lane.Store.CountAsync(Ids(State.Generation), cancellationToken).ConfigureAwait(false) < Lane.Options.RememberedSharedMessages) return;
        var horizon = State.Horizon;
        await foreach (var (_, sent) in OfAsync(State.Generation - 1, cancellationToken).ConfigureAwait(false)) horizon = Math.Max(horizon, sent);
        var next = State with { Generation = State.Generation + 1, Horizon = horizon };
        var value = new ArrayBufferWriter<byte>();
        next.WriteTo(value);
        var commit = CommitOf(new CommitEntry(Self, EntryAction.Put, Version, value.WrittenMemory));
        if (!(await Lane.Store.CommitAsync(commit, cancellationToken).ConfigureAwait(false)).IsCommitted)
        {
            await LookAgainAsync(cancellationToken).ConfigureAwait(false);      // another consumer did it
            return;
        }
        Enter(commit.Version, next);
        await Lane.Store.ClearAsync(Ids(next.Generation - 2), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask LookAgainAsync(CancellationToken cancellationToken)
    {
        var (version, state) = await ReadSelfAsync(cancellationToken).ConfigureAwait(false);
        Enter(version, state);
        await parked.LoadAsync(cancellationToken).ConfigureAwait(false);
    }

    private void Enter(long version, LaneState state) => (Version, State, _current, _previous) = (version, state, Ids(state.Generation), Ids(state.Generation - 1));

    private async IAsyncEnumerable<(string Id, long Sent)> OfAsync(long generation, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? after = null;
        do
        {
            var page = await Lane.Store.ReadPageAsync(Ids(generation), "", after, 1000, cancellationToken).ConfigureAwait(false);
            foreach (var (id, entry) in page.Entries) yield return (id, long.Parse(Encoding.ASCII.GetString(entry.Value.Span), CultureInfo.InvariantCulture));
            after = page.Next;
        }
        while (after is not null);
    }

    private string Ids(long generation) => string.Create(CultureInfo.InvariantCulture, $"$applied:{Lane.Name}:{generation}");
}
