using System.Globalization;
using System.Text;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// The last so many ids of a lane: slot number -> id, as ordinary entries. A new id takes the oldest one's slot, so the bound keeps itself and nothing is
/// ever deleted. One owner at a time: the lane's own entry, written in the same commit, is the guard.
/// </summary>
internal sealed class IdRing(string collection, int capacity)
{
    private HashSet<Guid> _ids = [];
    private Dictionary<long, Guid> _slots = [];

    public bool Contains(Guid id) => _ids.Contains(id);

    /// <summary>Puts the ids as numbers <paramref name="first"/>, ... of the lane: as many of the last ones as there are slots, so that each is written once.</summary>
    public void AddTo(Batch batch, List<Guid> ids, long first)
    {
        for (var i = Math.Max(0, ids.Count - capacity); i < ids.Count; i++) AddTo(batch, ids[i], first + i);
    }

    private void AddTo(Batch batch, Guid id, long number)
    {
        batch.Arena.Begin();
        var value = batch.Arena.GetSpan(38);
        value[0] = value[37] = (byte)'"';
        id.TryFormat(value[1..], out _);
        batch.Arena.Advance(38);
        batch.Commit.Add(new CommitEntry(EntryOf(number), EntryAction.Put, null, batch.Arena.End()));
    }

    /// <summary>The commit landed.</summary>
    public void Remember(Guid id, long number)
    {
        var slot = Slot(number);
        if (_slots.TryGetValue(slot, out var oldest)) _ids.Remove(oldest);
        _slots[slot] = id;
        _ids.Add(id);
    }

    public async ValueTask LoadAsync(IViewStore store, CancellationToken cancellationToken)
    {
        var slots = new Dictionary<long, Guid>();               // others may ask what is known meanwhile
        for (string? after = null; ;)
        {
            var page = await store.ReadPageAsync(collection, "", after, 1000, cancellationToken).ConfigureAwait(false);
            foreach (var (slot, entry) in page.Entries) slots[long.Parse(slot, CultureInfo.InvariantCulture)] = IdOf(entry);
            if ((after = page.Next) is null) break;
        }
        (_slots, _ids) = (slots, [.. slots.Values]);            // with those of a larger ring than now: the newest may be among them
    }

    /// <summary>Where the store has an id.</summary>
    public EntryKey EntryOf(long number) => new(collection, Slot(number).ToString(CultureInfo.InvariantCulture));

    /// <summary>The id is known at this very place: who reads it as a new one reads a slot that its writer does not use.</summary>
    public bool Has(Guid id, long number) => _slots.TryGetValue(Slot(number), out var known) && known == id;

    public static Guid IdOf(in StoredEntry slot) => Guid.Parse(Encoding.ASCII.GetString(slot.Value.Span[1..^1]));

    private long Slot(long number) => number % capacity;
}
